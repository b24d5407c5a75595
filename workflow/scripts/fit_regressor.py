"""Rules `fit_regressor_spin` and `fit_regressor_opt`. The science is in jointreg.regressor."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import FitRegressor
from jointreg.exchange import save_regressor
from jointreg.job import progress, start
from jointreg.regressor import fit

job = start(snakemake)
body = load_body(job.params.body)
files = list(zip(job.input.bodies, job.input.frames, strict=True))
sequences = (
    (stores.BODIES.read(bodies), stores.FRAMES.read(frames, only=["joints_cam"]))
    for bodies, frames in progress(files, "sequences")
)
regressor = fit(body, sequences, FitRegressor(**job.params.cfg))
regressor.about["provenance"] = job.provenance
save_regressor(regressor, job.output.npy)
