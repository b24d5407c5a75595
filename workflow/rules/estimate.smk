"""Initial bodies of every method, except the networks."""

from jointreg.datasets.damaged import read_damaged, units

DAMAGED = read_damaged(CONFIG.dataset.damaged) if CONFIG.dataset.damaged else ()


def prediction_files(wildcards):
    """Prediction files of one sequence; if simulated, the list of files of rule `synthesize`. May be empty."""
    method = METHODS[wildcards.method]
    if method.kind not in FROM_FILES:
        return []
    if IS_SYNTHETIC:
        return rules.synthesize.output.raw.format(subject=wildcards.subject)
    (row,) = [r for r in SEQUENCES if (r.subject, r.action) == (wildcards.subject, wildcards.action)]
    work = vars(row) | {"units": units(row, DAMAGED, CONFIG.dataset.skip_damaged)}
    patterns = [pattern for pattern in (method.files, method.rows) if pattern]
    return [
        path
        for pattern in patterns
        for path in prediction_paths(CONFIG.estimate.predictions, pattern, work)
    ]


rule estimate:
    """SMPL bodies of one method for one sequence (paper III: SPIN)."""
    input:
        frames=rules.prepare.output.frames,
        predictions=prediction_files,
        body=BODY_FILE,
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
        code=code("estimate"),
    script:
        "../scripts/estimate.py"


(INITIAL_BODIES,) = expand(rules.estimate.output.bodies, method=CONFIG.initial, allow_missing=True)
