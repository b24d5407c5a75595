"""Rule `evaluate_offsets`. The science is in jointreg.evaluation.label_offsets."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Evaluate
from jointreg.evaluation.label_offsets import COLUMNS, OFFSET_COLUMNS, Trial, evaluate_offsets
from jointreg.exchange.regressor_files import load_fitted
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import by, start
from jointreg.regressor.label_offsets import read_offsets

job = start(snakemake)
body = load_body(job.params.body)
estimates = by(job.params.methods, job.input.estimates)
trials = [
    Trial(
        subject=name.split("/")[0],
        frames=stores.FRAMES.read(job.input.frames[at], only=["joints_cam"]),
        refined=stores.BODIES.read(job.input.refined[at]),
        estimates={method: stores.BODIES.read(files[at]) for method, files in estimates.items()},
    )
    for at, name in enumerate(job.params.sequences)
]
known = {job.params.regressor: load_fitted(job.input.regressor, body).weights}
found = read_offsets(stores.OFFSETS.read(job.input.offsets))
scores, offsets = evaluate_offsets(body, trials, known, found, Evaluate(**job.params.cfg))
write_rows(job.output.evaluation, scores, COLUMNS)
write_rows(job.output.table, offsets, OFFSET_COLUMNS)
