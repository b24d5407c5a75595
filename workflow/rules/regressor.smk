"""The joint regressor, refitted to initial bodies (J_spin) and to refined ones (J_opt)."""


rule fit_regressor_spin:
    """J_spin: the regressor that fits the initial method's training bodies best (paper II-B, Eq. 1)."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        bodies=sequences(INITIAL_BODIES, split="train"),
        body=BODY_FILE,
        support=CONFIG.fit_regressor_spin.support or [],
        start=[],
    output:
        npy=f"results/{RUN}/fit_regressor_spin/J_spin.npy",
        sidecar=f"results/{RUN}/fit_regressor_spin/J_spin.npy.json",
        table=determinacy_report("spin"),
    log:
        f"logs/{RUN}/fit_regressor_spin.log",
    benchmark:
        f"logs/{RUN}/fit_regressor_spin.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    threads: workers
    resources:
        runtime=minutes(20),
        mem_mb=lambda wc, threads, attempt: attempt * (2500 + 500 * threads),
    params:
        **BODY_PARAMS,
        cfg=fit_block("spin"),
        code=code("fit_regressor"),
    script:
        "../scripts/fit_regressor.py"


use rule fit_regressor_spin as fit_regressor_opt with:
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        bodies=lambda wc: sequences(rules.optimize.output.bodies, split="train", variant=wc.variant),
        body=BODY_FILE,
        support=lambda wc: fit_block(f"opt_{wc.variant}")["support"] or [],
        start=lambda wc: energy_regressor(wc),
    output:
        npy=f"results/{RUN}/fit_regressor_opt/J_opt_{{variant}}.npy",
        sidecar=f"results/{RUN}/fit_regressor_opt/J_opt_{{variant}}.npy.json",
        table=determinacy_report("opt_{variant}"),
    log:
        f"logs/{RUN}/fit_regressor_opt/{{variant}}.log",
    benchmark:
        f"logs/{RUN}/fit_regressor_opt/{{variant}}.benchmark.tsv"
    params:
        **BODY_PARAMS,
        cfg=lambda wc: fit_block(f"opt_{wc.variant}"),
        code=code("fit_regressor"),
