"""Initial bodies of every method, and what the networks among them have in common."""

NETWORKS = {
    method: network_of(METHODS[method].kind)
    for method in sorted(USED)
    if network_of(METHODS[method].kind)
}


rule features:
    """What the networks' common backbone says of every frame: once for all whose crops agree."""
    input:
        frames=rules.prepare.output.frames,
        checkpoint=CONFIG.networks.spin,
    output:
        features=f"results/{RUN}/features/{{crop}}/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/features/{{crop}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/features/{{crop}}/{{subject}}/{{action}}.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        gpu=GPU,
        runtime=minutes(15),
    params:
        batch=CONFIG.networks.batch,
        device=CONFIG.device,
        dataset=block("dataset"),
        damaged=file_digest(CONFIG.dataset.damaged),
        sequence=sequence,
        code=code("features"),
    script:
        "../scripts/features.py"


def network_features(wildcards):
    """The features that a network starts from."""
    if wildcards.method not in NETWORKS:
        return []
    crop = crop_of(METHODS[wildcards.method].kind, CONFIG.networks)
    return rules.features.output.features.format(crop=crop, **wildcards)


def network_files(wildcards):
    """A network's checkpoint and the mean parameters."""
    if wildcards.method not in NETWORKS:
        return []
    files = getattr(CONFIG.networks, NETWORKS[wildcards.method]), CONFIG.networks.mean_params
    return [path for path in files if path]


def prediction_file(wildcards):
    """What `estimate` reads: a delivered file, or what makes it. keypoints needs the labels only."""
    if METHODS[wildcards.method].kind != "predictions":
        return []
    if CONFIG.synthesize.enabled:
        return rules.synthesize.output.raw.format(subject=wildcards.subject)
    return f"{CONFIG.estimate.predictions}/{wildcards.method}/{wildcards.subject}/{wildcards.action}.npz"


rule estimate:
    """SMPL bodies of one method for one sequence (paper III: SPIN)."""
    input:
        frames=rules.prepare.output.frames,
        predictions=prediction_file,
        features=network_features,
        checkpoint=network_files,
        body=BODY_FILE,
    output:
        bodies=f"results/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.log",
    conda:
        "../../envs/torch.yaml" if NETWORKS else "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(10),
    params:
        cfg=block("estimate"),
        kind=lambda wc: METHODS[wc.method].kind,
        networks=lambda wc: block("networks") if wc.method in NETWORKS else {},
        body=CONFIG.body,
        body_digest=BODY_DIGEST,
        code=code("estimate"),
    script:
        "../scripts/estimate.py"


(INITIAL_BODIES,) = expand(rules.estimate.output.bodies, method=CONFIG.initial, allow_missing=True)
