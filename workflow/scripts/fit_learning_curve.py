"""Rule `fit_learning_curve`. The science is in jointreg.regressor.learning_curve."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import FitRegressor
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import start
from jointreg.progress import progress
from jointreg.regressor import Training, load_fitted
from jointreg.regressor.learning_curve import COLUMNS, fit_arrays, learning_curve
from jointreg.skeleton import H36M_17

job = start(snakemake)
body, settings = load_body(job.params.body), FitRegressor(**job.params.cfg)
training = Training(job.input.bodies, job.input.frames, progress)
whole = load_fitted(job.input.regressor, body)
fits, rows = learning_curve(
    body,
    training,
    training.subjects,
    whole,
    settings,
    job.params.fractions,
    job.generator,
    workers=job.threads,
)
write_rows(job.output.table, rows, COLUMNS)
facts = {"joint_names": list(H36M_17), "topology_hash": body.topology_hash}
stores.LEARNING_CURVE.write(
    job.output.store,
    fit_arrays(fits),
    attrs=facts | {"subsets": [list(fit.subjects) for fit in fits]},
    provenance=job.provenance,
)
