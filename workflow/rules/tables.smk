"""Tables: errors of every method with the paper's Table I, and agreement of bodies with masks and labels."""

TABLES = ("table_1", "changes", "by_subject", "by_action", "by_joint", "pck_auc", "ablation")


rule table_1:
    """Table I on this run beside the paper's values, and every other table of errors."""
    input:
        tables=expand(rules.evaluate.output.table, method=CONFIG.methods, subject=TEST_SUBJECTS),
        errors=expand(rules.evaluate.output.errors, method=CONFIG.methods, subject=TEST_SUBJECTS),
    output:
        csv=table_report("table_1.csv", "data"),
        others=[table_report(f"{name}.csv", "data") for name in TABLES[1:]],
        printed=printed(TABLES),
    log:
        f"logs/{RUN}/table_1.log",
    benchmark:
        f"logs/{RUN}/table_1.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        cfg=block("evaluate"),
        methods=CONFIG.methods,
        methods_tables=CONFIG.methods_tables,
        paper_file=PAPER,
        tables=[file_digest(table) for table in (*CONFIG.methods_tables, PAPER)],
        captions=captions(TABLES),
        protocol=PROTOCOL,
        looks=file_digest(TABLE_TEMPLATE),
        code=code("table_1"),
    script:
        "../scripts/table_1.py"


rule agreement:
    """How well bodies agree with masks and labels before and after refinement, training frames."""
    input:
        frames=sequences(rules.prepare.output.frames, split="train"),
        masks=sequences(rules.segment.output.masks, split="train"),
        bodies=[
            *sequences(INITIAL_BODIES, split="train"),
            *(
                path
                for variant in CONFIG.variants
                for path in sequences(rules.optimize.output.bodies, split="train", variant=variant)
            ),
        ],
        regressor=rules.fit_regressor_spin.output.npy,
        body=BODY_FILE,
    output:
        table=table_report("agreement.csv", "data"),
    log:
        f"logs/{RUN}/agreement.log",
    benchmark:
        f"logs/{RUN}/agreement.benchmark.tsv"
    conda:
        "../../envs/torch.yaml"
    params:
        **BODY_PARAMS,
        bodies=["initial", *CONFIG.variants],
        code=code("agreement"),
    script:
        "../scripts/agreement.py"
