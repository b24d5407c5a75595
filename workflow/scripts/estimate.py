"""Rule `estimate`. The science is in jointreg.predictions.bodies."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Estimate
from jointreg.pipeline.job import start
from jointreg.predictions.bodies import estimate

job = start(snakemake)
settings = Estimate(**job.params.cfg)
frames = stores.FRAMES.read(job.input.frames, only=["joints_cam", "take", "camera", "frame"])
arrays = estimate(job.params.reading, job.wildcards, frames, load_body(job.params.body), settings)
facts = {"rows": frames.attrs["rows"], "method": job.wildcards["method"]}
schema = stores.of_method(job.params.reading["kind"])
schema.write(job.output.bodies, arrays, attrs=facts, provenance=job.provenance)
