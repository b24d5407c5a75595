"""Comparison with the truth, for the open data set only. No other stage reads the truth."""


rule diagnose:
    """Compare regressors, masks and refined bodies with the truth."""
    input:
        truth=expand(rules.synthesize.output.truth, subject=SUBJECTS),
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
        # True meshes of the sequences that the report shows.
        examples=examples(f"results/{RUN}/diagnose/{{subject}}/{{action}}.zarr.zip", ABLATED),
    log:
        f"logs/{RUN}/diagnose.log",
    benchmark:
        f"logs/{RUN}/diagnose.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("evaluate"),
        truth=lambda wc: TRUTH,
        splits={f"{row.subject}/{row.action}": row.split for row in SEQUENCES},
        regressors=list(regressor_files()),
        initial=CONFIG.initial,
        code=code("diagnose"),
    script:
        "../scripts/diagnose.py"


rule draw_diagnosis:
    """The comparison with the truth as printed tables, variants as dots, joints beside the true ones."""
    input:
        table=rules.diagnose.output.table,
        variants=rules.diagnose.output.variants,
        j_true=rules.synthesize_rig.output.truth,
        regressors=list(regressor_files().values()),
        body=BODY_FILE,
    output:
        variants=figure_report("variants_plot", "variants against full"),
        joints=figure_report("joint_marks", "Figure 7: joints beside the true ones"),
        printed=printed(("diagnostics", "variants")),
    log:
        f"logs/{RUN}/draw_diagnosis.log",
    benchmark:
        f"logs/{RUN}/draw_diagnosis.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        **BODY_PARAMS,
        cfg=block("figures"),
        regressors=list(regressor_files()),
        captions=captions(("diagnostics", "variants")),
        looks=file_digest(TABLE_TEMPLATE),
        code=code("draw_diagnosis"),
    script:
        "../scripts/draw_diagnosis.py"
