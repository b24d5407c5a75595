"""Initial bodies of every method."""


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
        body=BODY_FILE,
    output:
        bodies=f"results/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.log",
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(10),
    params:
        cfg=block("estimate"),
        kind=lambda wc: METHODS[wc.method].kind,
        body=BODY,
        body_digest=BODY_DIGEST,
        code=code("estimate"),
    script:
        "../scripts/estimate.py"


(INITIAL_BODIES,) = expand(rules.estimate.output.bodies, method=CONFIG.initial, allow_missing=True)
