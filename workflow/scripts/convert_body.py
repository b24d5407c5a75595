"""Rule `convert_body`. The science is in jointreg.body.files."""

from jointreg.body import convert_body
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import start

job = start(snakemake)
body = convert_body(job.input.body, job.output.body)
if job.input.regressor:
    load_fitted(job.input.regressor, body)  # refused here rather than after days of refinement
