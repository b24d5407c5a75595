"""Rule `optimize`. The science is in jointreg.refine."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Optimize
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import start
from jointreg.progress import report
from jointreg.refine import refine_sample
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample

job = start(snakemake)
body = load_body(job.params.body)
refined = refine_sample(
    body,
    load_sample(job.input.frames, job.input.masks, job.input.bodies),
    load_fitted(job.input.regressor, body).weights,
    settings=Optimize(**job.params.cfg),
    weights=EnergyWeights.read(job.input.weights),
    discriminator=Discriminator.load(path) if (path := job.input.discriminator) else None,
    device=job.params.device,
    progress=report("frames"),
)
facts = {"rows": stores.BODIES.read(job.input.bodies, only=[]).attrs["rows"]}
variant = job.wildcards["variant"]
refined.write(job.output.bodies, job.output.energies, facts, variant, job.provenance)
