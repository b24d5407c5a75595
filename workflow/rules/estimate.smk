"""Initial bodies of every method, except the networks."""


rule estimate:
    """SMPL bodies of one method for one sequence (paper III: SPIN)."""
    input:
        frames=rules.prepare.output.frames,
        predictions=simulated,
        body=BODY_FILE,
        map=lambda wc: [file for file in METHODS[wc.method].map_files if file],
    output:
        bodies=f"results/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.zarr.zip",
    log:
        f"logs/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.log",
    benchmark:
        f"logs/{RUN}/estimate/{{method}}/{{subject}}/{{action}}.benchmark.tsv"
    wildcard_constraints:
        method=one_of(USED - set(NETWORKS)),
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(20),
    params:
        **BODY_PARAMS,
        cfg=block("estimate"),
        reading=lambda wc: METHODS[wc.method].reading(),
        raw=lambda wc: RAW_FILES.state_of_predictions(wc.method, wc.subject, wc.action),
        code=code("estimate"),
    script:
        "../scripts/estimate.py"


(INITIAL_BODIES,) = expand(rules.estimate.output.bodies, method=CONFIG.initial, allow_missing=True)
