"""Rule `report`. The page is put together in jointreg.report."""

from pathlib import Path

from jointreg.body import load_body
from jointreg.config.examples import Example
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import start
from jointreg.report import body_viewer, page

job = start(snakemake)
body, long = load_body(job.params.body), job.params.long
names = zip(job.params.regressors, job.input.regressors, strict=True)
clips = [
    body_viewer.read_clip(
        body,
        Example(**row),
        job.input.frames[at],
        {kind: job.input[kind][at] for kind in ("initial", "refined")},
        job.input.true[at] if job.input.true else "",
    )
    for at, row in enumerate(job.params.examples)
]
contents = page.Contents(
    run=long.config["run"],
    exhibits=long.shown,
    table_1=job.input.table_1,
    diagnosis=job.input.diagnosis or "",
    fitted=job.params.fitted,
    body=body_viewer.pack(body, {name: load_fitted(path, body) for name, path in names}, clips),
    protocol=job.params.protocol,
    sequences=long.sequences,
    config=long.config,
    logs=job.params.logs,
    files=job.input.files,
)
Path(job.output[0]).write_text(page.page(contents), encoding="utf-8")
