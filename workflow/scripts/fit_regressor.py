"""Rules `fit_regressor_spin` and `fit_regressor_opt`. The science is in jointreg.regressor."""

from jointreg.body import load_body
from jointreg.config import FitRegressor
from jointreg.determinacy import COLUMNS, determinacy
from jointreg.exchange import save_regressor
from jointreg.job import progress, start
from jointreg.regressor import Training, fit
from jointreg.tidy import write_rows

job = start(snakemake)
body, settings = load_body(job.params.body), FitRegressor(**job.params.cfg)
training = Training(job.input.bodies, job.input.frames, progress)
regressor = fit(body, training, settings)
write_rows(
    job.output.table, determinacy(body, training, training.subjects, regressor, settings), COLUMNS
)
regressor.about["provenance"] = job.provenance
save_regressor(regressor, job.output.npy)
