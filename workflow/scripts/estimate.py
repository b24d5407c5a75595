"""Rule `estimate`. The science is in jointreg.predictions.bodies."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Estimate
from jointreg.exchange.vertex_maps import read_map
from jointreg.pipeline.job import start
from jointreg.predictions.bodies import estimate

job = start(snakemake)
settings = Estimate(**job.params.cfg)
frames = stores.FRAMES.read(job.input.frames, only=["joints_cam", "take", "camera", "frame"])
body, map_file = load_body(job.params.body), job.params.reading.get("map")
mesh_map = read_map(map_file).matrix if map_file else None
arrays = estimate(job.params.reading, job.wildcards, frames, body, settings, mesh_map)
facts = {"rows": frames.attrs["rows"], "method": job.wildcards["method"]}
schema = stores.of_method(job.params.reading["kind"])
schema.write(job.output.bodies, arrays, attrs=facts, provenance=job.provenance)
