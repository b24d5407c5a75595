"""Rule `estimate`. The science is in jointreg.predictions.bodies."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Estimate
from jointreg.exchange.vertex_maps import read_map_by
from jointreg.pipeline.job import start
from jointreg.predictions.bodies import estimate

job = start(snakemake)
settings = Estimate(**job.params.cfg)
frames = stores.FRAMES.read(job.input.frames, only=["joints_cam", "take", "camera", "frame"])
body, reading = load_body(job.params.body), job.params.reading
mesh_map = read_map_by(reading["map"], reading.get("map_mesh", "")) if "map" in reading else None
arrays = estimate(reading, job.wildcards, frames, body, settings, mesh_map)
facts = {"rows": frames.attrs["rows"], "method": job.wildcards["method"]}
schema = stores.of_method(reading["kind"])
schema.write(job.output.bodies, arrays, attrs=facts, provenance=job.provenance)
