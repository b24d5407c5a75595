"""Rule `report`. The page is put together in jointreg.report."""

from pathlib import Path

import pandas as pd

from jointreg import report, report_body
from jointreg.body import load_body
from jointreg.exchange import load_regressor
from jointreg.grids import table_1
from jointreg.job import start
from jointreg.sequences import Example, load_methods
from jointreg.tables import read_paper

job = start(snakemake)
body, long = load_body(job.params.body), job.params.long
names = zip(job.params.regressors, job.input.regressors, strict=True)
kinds = [kind for kind in ("initial", "refined", "true") if job.input[kind]]
clips = [
    report_body.read_clip(
        body, Example(**row), job.input.frames[at], {kind: job.input[kind][at] for kind in kinds}
    )
    for at, row in enumerate(job.params.examples)
]
paper = read_paper(job.params.paper) if job.params.paper else None
contents = report.Contents(
    run=long.config["run"],
    exhibits=long.shown,
    table_1=table_1(pd.read_csv(job.input.table_1), paper, load_methods(job.params.methods_table)),
    table_1_csv=job.input.table_1,
    diagnosis_csv=job.input.diagnosis or "",
    body=report_body.pack(body, {name: load_regressor(path, body) for name, path in names}, clips),
    protocol=job.params.protocol,
    sequences=long.sequences,
    config=long.config,
    logs=job.params.logs,
    files=job.input.files,
)
Path(job.output[0]).write_text(report.page(contents))
