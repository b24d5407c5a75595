"""Errors of every method under every regressor."""


rule evaluate:
    """Errors per frame and joint of one method on one test subject, all regressors at once."""
    input:
        frames=lambda wc: sequences(rules.prepare.output.frames, "test", wc.subject),
        bodies=lambda wc: sequences(rules.estimate.output.bodies, "test", wc.subject, method=wc.method),
        regressors=list(regressor_files().values()),
        body=BODY_FILE,
    output:
        errors=f"results/{RUN}/evaluate/{{method}}/{{subject}}.zarr.zip",
        table=f"results/{RUN}/evaluate/{{method}}/{{subject}}.csv",
    log:
        f"logs/{RUN}/evaluate/{{method}}/{{subject}}.log",
    benchmark:
        f"logs/{RUN}/evaluate/{{method}}/{{subject}}.benchmark.tsv"
    wildcard_constraints:
        subject=one_of(TEST_SUBJECTS),
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(50),
    params:
        **BODY_PARAMS,
        cfg=block("evaluate"),
        kind=lambda wc: METHODS[wc.method].kind,
        regressors=list(regressor_files()),
        actions=lambda wc: sequences("{action}", "test", wc.subject),
        code=code("evaluate"),
    script:
        "../scripts/evaluate.py"
