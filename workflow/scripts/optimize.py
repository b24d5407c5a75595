"""Rules `optimize` and `optimize_training`. The science is in jointreg.refine."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Optimize
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import several, start
from jointreg.progress import report
from jointreg.refine import refine_sample
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample

job = start(snakemake)
body = load_body(job.params.body)
regressor = load_fitted(job.input.regressor, body).weights
settings, weights = Optimize(**job.params.cfg), EnergyWeights.read(job.input.weights)
discriminator = Discriminator.load(path) if (path := job.input.discriminator) else None
stored, out = job.input, job.output
sequences = zip(
    *map(several, (stored.frames, stored.masks, stored.bodies, out.bodies, out.energies)), strict=True
)
for frames, masks, bodies, refined_bodies, energies in sequences:
    refined = refine_sample(
        body,
        load_sample(frames, masks, bodies),
        regressor,
        settings=settings,
        weights=weights,
        discriminator=discriminator,
        device=job.params.device,
        progress=report("frames"),
    )
    facts = {"rows": stores.BODIES.read(bodies, only=[]).attrs["rows"]}
    refined.write(refined_bodies, energies, facts, job.wildcards["variant"], job.provenance)
