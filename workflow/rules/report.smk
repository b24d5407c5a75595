"""The report that a reviewer opens: one HTML file, offline."""

from jointreg.exhibits import exhibits

VARIANTS = [{"variant": variant} for variant in CONFIG.variants]
SHOWN = [
    *exhibits(rules.table_1.rule, config),
    *exhibits(rules.figures.rule, config),
    *exhibits(rules.animation.rule, config),
    *exhibits(rules.agreement.rule, config),
    *exhibits(rules.fit_regressor_spin.rule, config),
    *exhibits(rules.fit_regressor_opt.rule, config, VARIANTS),
]
if CONFIG.triangulate.enabled:
    TAKES = sorted({take for row in SEQUENCES for take in row.takes})
    SHOWN += exhibits(rules.triangulate.rule, config, [{"recording": take} for take in TAKES])
if CONFIG.synthesize.enabled:
    SHOWN += exhibits(rules.diagnose.rule, config) + exhibits(rules.draw_diagnosis.rule, config)

TABLE_1_REGRESSORS = {
    name: path for name, path in regressor_files().items() if name in ("std", "spin", "opt_full")
}


rule report:
    """Tables, pictures, bodies to turn, protocol, provenance and regressors in one HTML file."""
    input:
        shown=[entry["path"] for entry in SHOWN],
        table_1=rules.table_1.output.csv,
        diagnosis=rules.diagnose.output.table if CONFIG.synthesize.enabled else [],
        frames=examples(rules.prepare.output.frames, ABLATED),
        initial=examples(INITIAL_BODIES, ABLATED),
        refined=examples(rules.optimize.output.bodies, ABLATED),
        # The only truth in the report, and the open data set's only.
        true=rules.diagnose.output.examples if CONFIG.synthesize.enabled else [],
        regressors=list(TABLE_1_REGRESSORS.values()),
        files=rules.export.output.files,
        body=BODY_FILE,
    output:
        REPORT,
    log:
        f"logs/{RUN}/report.log",
    benchmark:
        f"logs/{RUN}/report.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        shown=SHOWN,
        config=CONFIG.model_dump(mode="json"),
        sequences=[sequence(row) for row in SEQUENCES],
        examples=[plain(row) for row in ABLATED],
        regressors=list(TABLE_1_REGRESSORS),
        methods_table=CONFIG.methods_table,
        paper=PAPER,
        protocol=PROTOCOL,
        logs=f"logs/{RUN}",
        body=BODY,
        tables=[file_digest(path) for path in (CONFIG.methods_table, PAPER)],
        looks=[file_digest(path) for path in sorted((ROOT / "src/jointreg/assets").glob("report*"))],
        code=code("report"),
    script:
        "../scripts/report.py"
