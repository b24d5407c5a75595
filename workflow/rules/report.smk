"""The report that a reviewer opens: one HTML file, offline."""

from types import SimpleNamespace

from jointreg.report.exhibits import digest, exhibits

# Jobs of the rules with wildcards whose files are shown.
JOBS = {
    "variant": CONFIG.variants,
    "recording": sorted({take for row in SEQUENCES for take in row.takes}),
}
# Details of how labels and regressors were made come after what they give.
LAST = ("triangulate", "fit_regressor_spin", "fit_regressor_opt")


def jobs(rule):
    """Wildcards of every job of a rule that has one of JOBS, or none."""
    (name,) = rule.wildcard_names or [None]
    return [{name: value} for value in JOBS[name]] if name else [{}]


# Every table and figure that a rule above has marked; what comes below is no part of `all`.
SHOWN = [
    exhibit
    for rule in sorted(workflow.rules, key=lambda rule: rule.name in LAST)
    if any("report" in file.flags for file in rule.output)
    for exhibit in exhibits(rule, config, jobs(rule))
]
# Forms for reading, beside the CSV files.
PRINTED = [file for rule in workflow.rules for file in rule.output if file.endswith(".html")]
LONG = {
    "shown": SHOWN,
    "config": CONFIG.model_dump(mode="json"),
    "sequences": [sequence(row) for row in SEQUENCES],
}
TABLE_1_REGRESSORS = {
    name: path for name, path in regressor_files().items() if name in ("std", "spin", "opt_full")
}


rule report:
    """Tables, pictures, bodies to turn, protocol, provenance and regressors in one HTML file."""
    input:
        shown=[entry["path"] for entry in SHOWN],
        printed=PRINTED,
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
        # Snakemake compares plain values only, and prints both where they differ: digests stand for
        # what is long.
        long=SimpleNamespace(**LONG),
        digests={name: digest(value) for name, value in LONG.items()},
        examples=[plain(row) for row in ABLATED],
        regressors=list(TABLE_1_REGRESSORS),
        protocol=PROTOCOL,
        logs=f"logs/{RUN}",
        body=BODY,
        looks=[file_digest(path) for path in sorted((ROOT / "src/jointreg/report/assets").iterdir())],
        code=code("report"),
    script:
        "../scripts/report.py"
