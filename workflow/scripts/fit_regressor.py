"""Rules `fit_regressor_spin` and `fit_regressor_opt`. The science is in jointreg.regressor."""

from jointreg.body import load_body
from jointreg.config import FitRegressor
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import start
from jointreg.progress import progress
from jointreg.regressor import Training, fit, load_fitted, save_regressor
from jointreg.regressor.identifiability import COLUMNS, identifiability_rows
from jointreg.regressor.movement import movement_mm

job = start(snakemake)
body, settings = load_body(job.params.body), FitRegressor(**job.params.cfg)
training = Training(job.input.bodies, job.input.frames, progress)
regressor = fit(body, training, settings, training.joint_set, workers=job.threads)
regressor.about["provenance"] = job.provenance
save_regressor(regressor, job.output.npy, body=body)  # refused here, not by later rules
rows = identifiability_rows(body, training, training.subjects, regressor, settings, workers=job.threads)
moved: list[float | None] = [None] * len(rows)
if path := job.input.start:
    before = load_fitted(path, body).weights
    moved = movement_mm(body, training, regressor.weights, before, workers=job.threads).tolist()
table = [row | {"moved_mm": value} for row, value in zip(rows, moved, strict=True)]
write_rows(job.output.table, table, (*COLUMNS, "moved_mm"))
