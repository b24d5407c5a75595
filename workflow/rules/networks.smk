"""Bodies of SPIN, VIBE and MEVA: the backbone that they share, and what each makes of it."""


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
        runtime=minutes(10 if GPU else 1),
        mem_mb=megabytes(4000, 10),
    params:
        batch=CONFIG.networks.batch,
        device=CONFIG.device,
        dataset=block("dataset"),
        damaged=file_digest(CONFIG.dataset.damaged),
        sequence=sequence,
        code=code("features"),
    script:
        "../scripts/features.py"


def seen(wildcards):
    """Features of the pictures that a network is shown."""
    crop = crop_of(METHODS[wildcards.method].kind, CONFIG.networks)
    return rules.features.output.features.format(crop=crop, **wildcards)


def checkpoint(wildcards):
    """A network's own file."""
    return getattr(CONFIG.networks, NETWORKS[wildcards.method])


rule run_network:
    """SMPL bodies of one network for one sequence (paper III: SPIN)."""
    input:
        frames=rules.prepare.output.frames,
        features=seen,
        checkpoint=checkpoint,
        mean_params=CONFIG.networks.mean_params or [],
        body=BODY_FILE,
    output:
        bodies=rules.estimate.output.bodies,
    log:
        f"logs/{RUN}/run_network/{{method}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/run_network/{{method}}/{{subject}}/{{action}}.benchmark.tsv"
    wildcard_constraints:
        method=one_of(NETWORKS),
    conda:
        "../../envs/torch.yaml"
    resources:
        runtime=minutes(20),
    params:
        cfg=lambda wc: {
            "kind": METHODS[wc.method].kind,
            "orientation": CONFIG.networks.orientation,
        },
        body=BODY,
        body_digest=BODY_DIGEST,
        code=code("run_network"),
    script:
        "../scripts/run_network.py"
