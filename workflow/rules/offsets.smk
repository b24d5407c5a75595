"""Label offsets of every subject (paper Fig. 8): `snakemake offsets`. No part of `all`."""

# Other refinements remove more of the offsets from the bodies: docs/label_offsets.md.
OFFSETS_VARIANT = next(
    name for name in (settings.RECOMMENDED, "second_round", REFERENCE) if name in CONFIG.variants
)


rule fit_offsets:
    """One regressor for all training subjects, and an offset for each subject and joint."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        bodies=lambda wc: sequences(rules.optimize.output.bodies, split="train", variant=wc.variant),
        regressor=rules.fit_regressor_opt.output.npy,
        body=BODY_FILE,
    output:
        store=f"results/{RUN}/fit_offsets/{{variant}}.zarr.zip",
    log:
        f"logs/{RUN}/fit_offsets/{{variant}}.log",
    benchmark:
        f"logs/{RUN}/fit_offsets/{{variant}}.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(20),
        mem_mb=megabytes(3000),
    params:
        **BODY_PARAMS,
        cfg=lambda wc: fit_block(f"opt_{wc.variant}"),
        sequences=sequences("{subject}/{action}", "train"),
        code=code("fit_offsets"),
    script:
        "../scripts/fit_offsets.py"


OFFSETS = rules.fit_offsets.output.store.format(variant=OFFSETS_VARIANT)


rule evaluate_offsets:
    """Errors of the test subjects with and without offsets, cross-fitted by sequence."""
    input:
        frames=sequences(rules.prepare.output.frames, split="test"),
        refined=sequences(rules.optimize.output.bodies, split="test", variant=OFFSETS_VARIANT),
        estimates=[
            path
            for method in BODY_METHODS
            for path in sequences(rules.estimate.output.bodies, split="test", method=method)
        ],
        regressor=rules.fit_regressor_opt.output.npy.format(variant=OFFSETS_VARIANT),
        offsets=OFFSETS,
        body=BODY_FILE,
    output:
        table=table_report("offsets.csv", "data"),
        evaluation=table_report("offsets_evaluation.csv", "data"),
    log:
        f"logs/{RUN}/evaluate_offsets.log",
    benchmark:
        f"logs/{RUN}/evaluate_offsets.benchmark.tsv"
    conda:
        "../../envs/jointreg.yaml"
    resources:
        runtime=minutes(20),
    params:
        **BODY_PARAMS,
        cfg=block("evaluate"),
        sequences=sequences("{subject}/{action}", "test"),
        methods=BODY_METHODS,
        regressor=f"opt_{OFFSETS_VARIANT}",
        protocol=PROTOCOL,
        code=code("evaluate_offsets"),
    script:
        "../scripts/evaluate_offsets.py"


rule draw_offsets:
    """The offsets as arrows on the body, by subject."""
    input:
        table=rules.evaluate_offsets.output.table,
        offsets=OFFSETS,
        body=BODY_FILE,
    output:
        figure_report("offset_arrows", "label offsets"),
    log:
        f"logs/{RUN}/draw_offsets.log",
    benchmark:
        f"logs/{RUN}/draw_offsets.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("figures"),
        code=code("draw_offsets"),
    script:
        "../scripts/draw_offsets.py"


rule offsets:
    """Tables and figure of the label offsets. With synthetic data also the comparison with the truth."""
    input:
        rules.evaluate_offsets.output,
        rules.draw_offsets.output,
        f"results/{RUN}/tables/offsets_diagnostics.csv" if IS_SYNTHETIC else [],


if IS_SYNTHETIC:

    rule diagnose_offsets:
        """Compare the offsets with the planted ones."""
        input:
            truth=expand(rules.synthesize.output.truth, subject=SUBJECTS),
            j_true=rules.synthesize_rig.output.truth,
            frames=sequences(rules.prepare.output.frames, split="train"),
            offsets=OFFSETS,
        output:
            table=table_report("offsets_diagnostics.csv", "data"),
        log:
            f"logs/{RUN}/diagnose_offsets.log",
        benchmark:
            f"logs/{RUN}/diagnose_offsets.benchmark.tsv"
        conda:
            "../../envs/jointreg.yaml"
        resources:
            mem_mb=megabytes(3000),
        params:
            **BODY_PARAMS,
            cfg=block("fit_regressor_opt"),
            sequences=sequences("{subject}/{action}", "train"),
            truth=lambda wc: TRUTH,
            parameters=PARAMETERS,
            code=code("diagnose_offsets"),
        script:
            "../scripts/diagnose_offsets.py"
