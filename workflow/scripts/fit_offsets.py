"""Rule `fit_offsets`. The science is in jointreg.regressor.label_offsets."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import FitRegressor
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import start
from jointreg.progress import progress
from jointreg.regressor.label_offsets import fit_offsets
from jointreg.skeleton import H36M_17

job = start(snakemake)
body = load_body(job.params.body)
files = list(zip(job.params.sequences, job.input.bodies, job.input.frames, strict=True))
sequences = (
    (name.split("/")[0], stores.BODIES.read(bodies), stores.FRAMES.read(frames, only=["joints_cam"]))
    for name, bodies, frames in progress(files, "sequences")
)
known = load_fitted(job.input.regressor, body)
found = fit_offsets(body, sequences, known.weights, FitRegressor(**job.params.cfg))
facts = {"joint_names": list(H36M_17), "topology_hash": body.topology_hash}
stores.OFFSETS.write(
    job.output.store,
    found.arrays(),
    attrs=facts | {"subjects": list(found.subjects)} | found.regressor.about,
    provenance=job.provenance,
)
