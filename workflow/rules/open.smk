"""The open data set. Its truth is made here; only the diagnose rules read it."""

TRUTH = f"data/{RUN}/truth"
RAW = CONFIG.dataset.root
PARAMETERS = settings.read_yaml(CONFIG.synthesize.parameters)


rule synthesize_rig:
    """Cameras (metadata.xml) and the regressor J_std of the open data set."""
    output:
        calibration=CONFIG.dataset.calibration,
        regressor=CONFIG.regressor_std,
        truth=f"{TRUTH}/J_true.npy",
    log:
        f"logs/{RUN}/synthesize_rig.log",
    benchmark:
        f"logs/{RUN}/synthesize_rig.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("synthesize"),
        parameters=PARAMETERS,
        sequences=[sequence(row) for row in SEQUENCES],
        seed=CONFIG.seed,
        code=code("synthesize_rig"),
    script:
        "../scripts/synthesize_rig.py"


rule synthesize:
    """Videos, labels and simulated predictions of one virtual subject in Human3.6M's raw layout."""
    input:
        calibration=rules.synthesize_rig.output.calibration,
    output:
        raw=f"{RAW}/{{subject}}/files.json",
        truth=f"{TRUTH}/{{subject}}/files.json",
    log:
        f"logs/{RUN}/synthesize/{{subject}}.log",
    benchmark:
        f"logs/{RUN}/synthesize/{{subject}}.benchmark.tsv"
    wildcard_constraints:
        subject=one_of(SUBJECTS),
    conda:
        "../../envs/jointreg.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("synthesize"),
        parameters=PARAMETERS,
        truth=lambda wc: TRUTH,
        sequences=lambda wc: [sequence(row) for row in SEQUENCES if row.subject == wc.subject],
        seed=CONFIG.seed,
        code=code("synthesize"),
    script:
        "../scripts/synthesize.py"
