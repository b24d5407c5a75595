"""The user's body model, converted once."""


rule convert_body:
    """SMPL, SMPL-H or SMPL-X from its original file to a plain npz; J_std must fit it."""
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
