"""Rule `train_discriminator`. The science is in jointreg.refine."""

import json
from pathlib import Path

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Optimize, TrainDiscriminator
from jointreg.job import report, start
from jointreg.losses import EnergyWeights
from jointreg.refine import train_discriminator
from jointreg.sample import draw_sample

job = start(snakemake)
settings = TrainDiscriminator(**job.params.cfg["train_discriminator"])
files = job.input.frames, job.input.masks, job.input.bodies
trained = train_discriminator(
    load_body(job.params.body),
    **draw_sample(*files, settings.frames, job.stream("sample")).arguments(),
    regressor=stores.REGRESSOR.read(job.input.regressor).weights,
    settings=settings,
    optimize=Optimize(**job.params.cfg["optimize"]),
    weights=EnergyWeights.from_dict(json.loads(Path(job.input.weights).read_text())),
    generator=job.generator,
    progress=report("rounds"),
)
trained.discriminator.save(job.output.discriminator)
Path(job.output.record).write_text(json.dumps(trained.as_dict(), indent=1) + "\n")
