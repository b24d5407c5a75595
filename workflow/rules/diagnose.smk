"""Comparison with truth, open data set only. The one stage that reads it."""


rule diagnose:
    """Compare regressors, masks and refined bodies with the truth."""
    input:
        truth=expand(rules.synthesize.output.truth, subject=sorted({r.subject for r in SEQUENCES})),
        j_true=rules.synthesize_rig.output.truth,
        calibration=CONFIG.dataset.calibration,
        regressors=list(regressor_files().values()),
        frames=sequences(rules.prepare.output.frames),
        masks=sequences(rules.segment.output.masks, split="train"),
        estimates=[
            *sequences(INITIAL_BODIES, split="train"),
            *(
                path
                for method in sorted({CONFIG.initial, *BODY_METHODS})
                for path in sequences(rules.estimate.output.bodies, split="test", method=method)
            ),
        ],
        refined=[
            path
            for variant in CONFIG.variants
            for path in sequences(rules.optimize.output.bodies, split="train", variant=variant)
        ],
    output:
        table=table_report("diagnostics.csv", "data"),
        variants=table_report("variants.csv", "data"),
        # True bodies of the sequences that the report shows.
        examples=examples(f"results/{RUN}/diagnose/{{subject}}/{{action}}.zarr.zip", ABLATED),
    log:
        f"logs/{RUN}/diagnose.log",
    benchmark:
        f"logs/{RUN}/diagnose.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    params:
        cfg=block("evaluate"),
        truth=TRUTH,
        splits={f"{row.subject}/{row.action}": row.split for row in SEQUENCES},
        regressors=list(regressor_files()),
        initial=CONFIG.initial,
        body=BODY,
        body_digest=BODY_DIGEST,
        code=code("diagnose"),
    script:
        "../scripts/diagnose.py"


rule variants_figure:
    """What each variant changes, as dots."""
    input:
        rules.diagnose.output.variants,
    output:
        figure_report("variants_plot", "variants against full"),
    log:
        f"logs/{RUN}/variants_figure.log",
    benchmark:
        f"logs/{RUN}/variants_figure.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        cfg=block("figures"),
        code=code("variants_figure"),
    script:
        "../scripts/variants_figure.py"
