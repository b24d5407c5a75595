"""The user's body model, made plain once."""


rule convert_body:
    """SMPL, SMPL-H or SMPL-X as its makers hand it out, as a plain npz; J_std must belong to it."""
    input:
        body=CONFIG.body,
        regressor=CONFIG.regressor_std or [],
    output:
        body=BODY,
        sidecar=f"{BODY}.json",
    log:
        f"logs/{RUN}/convert_body.log",
    benchmark:
        f"logs/{RUN}/convert_body.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/jointreg.yaml"
    params:
        code=code("convert_body"),
    script:
        "../scripts/convert_body.py"
