"""Rule `energy_weights`. The science is in jointreg.refine."""

import json
from pathlib import Path

from jointreg import stores
from jointreg.body import load_body
from jointreg.job import start
from jointreg.refine import energy_weights
from jointreg.sample import draw_sample

job = start(snakemake)
files = job.input.frames, job.input.masks, job.input.bodies
sample = draw_sample(*files, job.params.cfg["frames"], job.stream("sample"))
regressor = stores.REGRESSOR.read(job.input.regressor)
weights = energy_weights(load_body(job.params.body), regressor=regressor.weights, **sample.arguments())
Path(job.output.weights).write_text(json.dumps(weights.as_dict(), indent=1) + "\n")
