"""Rule `animation`. The fit is in jointreg.refine.trajectory, the pictures are in jointreg.figures."""

import numpy as np

from jointreg.body import load_body
from jointreg.config import Optimize
from jointreg.config.examples import Example
from jointreg.exchange.regressor_files import load_fitted
from jointreg.figures import from_stores
from jointreg.pipeline.job import start
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample
from jointreg.refine.trajectory import trace

job = start(snakemake)
body, example = load_body(job.params.body), Example(**job.params.example)
regressor = load_fitted(job.input.regressor, body)
files = {"frames": job.input.frames, "masks": job.input.masks}
frame = from_stores.first_frame(body, example, files, regressor)
sample = load_sample(**files, bodies=job.input.bodies, rows=np.array(example.frames[:1]))
trajectory = trace(
    body,
    sample,
    regressor.weights,
    settings=Optimize(**job.params.cfg),
    weights=EnergyWeights.read(job.input.weights),
    discriminator=Discriminator.load(job.input.discriminator[0]) if job.input.discriminator else None,
    device=job.params.device,
)
from_stores.draw_fit(body, frame, sample.intrinsics, regressor, trajectory, job.output.gif)
