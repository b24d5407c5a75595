"""Rule `energy_weights`. The science is in jointreg.refine.energies."""

import json
from pathlib import Path

from jointreg.body import load_body
from jointreg.exchange.regressor_files import load_fitted
from jointreg.pipeline.job import start
from jointreg.refine.energies import balance_energies
from jointreg.refine.sample import draw_sample

job = start(snakemake)
body = load_body(job.params.body)
files = job.input.frames, job.input.masks, job.input.bodies
sample = draw_sample(*files, job.params.cfg["frames"], job.stream("sample"))
regressor = load_fitted(job.input.regressor, body).weights
weights = balance_energies(body, sample, regressor)
Path(job.output.weights).write_text(json.dumps(weights.as_dict(), indent=1) + "\n", encoding="utf-8")
