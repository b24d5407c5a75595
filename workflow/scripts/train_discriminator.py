"""Rule `train_discriminator`. The science is in jointreg.refine.adversarial."""

import json
from pathlib import Path

from jointreg.body import load_body
from jointreg.config import Optimize, TrainDiscriminator
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import start
from jointreg.progress import report
from jointreg.refine.adversarial import train_discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import draw_sample

job = start(snakemake)
body = load_body(job.params.body)
settings = TrainDiscriminator(**job.params.cfg["train_discriminator"])
files = job.input.frames, job.input.masks, job.input.bodies
trained = train_discriminator(
    body,
    draw_sample(*files, settings.frames, job.stream("sample")),
    load_fitted(job.input.regressor, body).weights,
    settings=settings,
    optimize=Optimize(**job.params.cfg["optimize"]),
    weights=EnergyWeights.read(job.input.weights),
    generator=job.generator,
    device=job.params.device,
    workers=job.threads,
    progress=report("rounds"),
)
print(trained.as_text())
trained.discriminator.save(job.output.discriminator)
Path(job.output.record).write_text(json.dumps(trained.as_dict(), indent=1) + "\n", encoding="utf-8")
