"""Fits to fewer subjects and frames: `snakemake learning_curve`. No part of `all`."""

FRACTIONS = CONFIG.fit_learning_curve.fractions
# Normal equations in memory: 24 MB each, twice that where the translation is eliminated.
STATISTICS = len(FRACTIONS) * len({row.subject for row in TRAINING})


rule fit_learning_curve:
    """J_opt of variant `full` refitted to fewer subjects and frames, compared without the truth."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        bodies=sequences(rules.optimize.output.bodies, split="train", variant=REFERENCE),
        regressor=rules.fit_regressor_opt.output.npy.format(variant=REFERENCE),
        body=BODY_FILE,
        support=CONFIG.fit_regressor_opt.support or [],
    output:
        store=f"results/{RUN}/fit_learning_curve/{REFERENCE}.zarr.zip",
        table=table_report("learning_curve.csv", "data"),
    log:
        f"logs/{RUN}/fit_learning_curve.log",
    benchmark:
        f"logs/{RUN}/fit_learning_curve.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    threads: workers
    resources:
        runtime=minutes(20),
        mem_mb=lambda wc, threads, attempt: attempt * (500 + 500 * threads + 50 * STATISTICS),
    params:
        **BODY_PARAMS,
        cfg=fit_block(settings.REFERENCE_REGRESSOR),
        fractions=FRACTIONS,
        seed=CONFIG.seed,
        code=code("fit_learning_curve"),
    script:
        "../scripts/fit_learning_curve.py"


rule draw_learning_curve:
    """The learning curves: one point a fit, a line through the means of each number of subjects."""
    input:
        table=rules.fit_learning_curve.output.table,
    output:
        figure_report("learning_curve", "learning curve"),
    log:
        f"logs/{RUN}/draw_learning_curve.log",
    benchmark:
        f"logs/{RUN}/draw_learning_curve.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        cfg=block("figures"),
        code=code("draw_learning_curve"),
    script:
        "../scripts/draw_learning_curve.py"


rule learning_curve:
    """Table and figure of the learning curve. With synthetic data also those against the truth."""
    input:
        rules.draw_learning_curve.output,
        f"results/{RUN}/tables/learning_curve_truth.csv" if IS_SYNTHETIC else [],
        f"results/{RUN}/figures/learning_curve_truth.svg" if IS_SYNTHETIC else [],


if IS_SYNTHETIC:

    rule diagnose_learning_curve:
        """Compare the same fits with the truth on the test subjects."""
        input:
            truth=expand(rules.synthesize.output.truth, subject=TEST_SUBJECTS),
            j_true=rules.synthesize_rig.output.truth,
            fits=rules.fit_learning_curve.output.store,
        output:
            table=table_report("learning_curve_truth.csv", "data"),
        log:
            f"logs/{RUN}/diagnose_learning_curve.log",
        benchmark:
            f"logs/{RUN}/diagnose_learning_curve.benchmark.tsv"
        conda:
            "../../envs/jointreg.yaml"
        params:
            **BODY_PARAMS,
            sequences=sequences("{subject}/{action}", "test"),
            truth=lambda wc: TRUTH,
            code=code("diagnose_learning_curve"),
        script:
            "../scripts/diagnose_learning_curve.py"

    use rule draw_learning_curve as draw_learning_curve_truth with:
        input:
            table=rules.diagnose_learning_curve.output.table,
        output:
            figure_report("learning_curve_truth", "learning curve against the truth"),
        log:
            f"logs/{RUN}/draw_learning_curve_truth.log",
        benchmark:
            f"logs/{RUN}/draw_learning_curve_truth.benchmark.tsv"
