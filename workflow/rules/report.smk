"""The report: one HTML file that needs no network."""

from types import SimpleNamespace

from jointreg.report.exhibits import digest, exhibits
from jointreg.tables.names import TABLE_1

# Wildcards of the rules that have files in the report, and their values.
JOBS = {
    "variant": CONFIG.variants,
    "recording": RECORDINGS,
}
# Details of how labels and regressors were made come after the results.
LAST = ("triangulate", "fit_regressor_spin", "fit_regressor_opt")


# Every table and figure that the rules so far have marked. Rules included later are no part of `all`.
SHOWN = [
    exhibit
    for rule in sorted(workflow.rules, key=lambda rule: rule.name in LAST)
    if any("report" in file.flags for file in rule.output)
    for exhibit in exhibits(rule, config, jobs_of(rule))
]
# Printed forms, which lie beside the CSV files.
PRINTED = [file for rule in workflow.rules for file in rule.output if file.endswith(".html")]
LONG = {
    "shown": SHOWN,
    "config": CONFIG.model_dump(mode="json", exclude_unset=True),
    "sequences": [sequence(row) for row in SEQUENCES],
}
ANSWER_REGRESSORS = {name: path for name, path in regressor_files().items() if name in TABLE_1}


rule report:
    """Tables, figures, 3D bodies, protocol, provenance and regressors in one HTML file."""
    input:
        shown=[entry["path"] for entry in SHOWN],
        printed=PRINTED,
        table_1=rules.table_1.output.csv,
        diagnosis=rules.diagnose.output.table if IS_SYNTHETIC else [],
        frames=examples(rules.prepare.output.frames, ABLATED),
        initial=examples(INITIAL_BODIES, ABLATED),
        refined=examples(rules.optimize.output.bodies, ABLATED),
        # The only truth in the report. It exists for the open data set only.
        true=rules.diagnose.output.examples if IS_SYNTHETIC else [],
        regressors=list(ANSWER_REGRESSORS.values()),
        files=rules.export.output.files,
        body=BODY_FILE,
    output:
        f"results/{RUN}/report.html",
    log:
        f"logs/{RUN}/report.log",
    benchmark:
        f"logs/{RUN}/report.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/plot.yaml"
    params:
        # Snakemake compares plain values only, and prints them if they differ. Long values are passed as
        # an object that it does not compare; their digests are compared instead.
        long=SimpleNamespace(**LONG),
        digests={name: digest(value) for name, value in LONG.items()},
        examples=[example_params(row) for row in ABLATED],
        regressors=list(ANSWER_REGRESSORS),
        protocol=PROTOCOL,
        fitted=all(METHODS[method].kind == "keypoints" for method in CONFIG.methods),
        logs=f"logs/{RUN}",
        body=BODY,
        looks=[file_digest(path) for path in sorted((ROOT / "src/jointreg/report/assets").iterdir())],
        code=code("report"),
    script:
        "../scripts/report.py"
