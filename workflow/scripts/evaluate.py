"""Rule `evaluate`. The science is in jointreg.evaluation."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Evaluate
from jointreg.evaluation.evaluate import COLUMNS, evaluate_subject, tidy_rows
from jointreg.exchange.regressor_files import load_fitted
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import start

job = start(snakemake)
body = load_body(job.params.body)
schema = stores.of_method(job.params.kind)
kept = ["joints_cam", "take", "camera", "frame"]
sequences = {
    action: (stores.FRAMES.read(frames, only=kept), schema.read(bodies))
    for action, frames, bodies in zip(
        job.params.actions, job.input.frames, job.input.bodies, strict=True
    )
}
files = zip(job.params.regressors, job.input.regressors, strict=True)
regressors = {name: load_fitted(path, body) for name, path in files}
arrays, facts = evaluate_subject(body, sequences, regressors, Evaluate(**job.params.cfg))
stores.ERRORS.write(job.output.errors, arrays, attrs=facts, provenance=job.provenance)
write_rows(job.output.table, tidy_rows(arrays, facts, **job.wildcards), COLUMNS)
