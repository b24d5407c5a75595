"""Rule `convert_body`. The science is in jointreg.body.files."""

from jointreg.body import convert_body
from jointreg.pipeline.job import start
from jointreg.regressor import load_fitted

job = start(snakemake)
body = convert_body(job.input.body, job.output.body)
if job.input.regressor:
    load_fitted(job.input.regressor, body)  # refused here rather than after days of refinement
