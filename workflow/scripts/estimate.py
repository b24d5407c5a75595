"""Rules `estimate`, `estimate_training` and `estimate_test`. The science is in jointreg.predictions."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Estimate
from jointreg.exchange.vertex_maps import read_map_by
from jointreg.pipeline.job import several, start
from jointreg.predictions.bodies import estimate

job = start(snakemake)
settings = Estimate(**job.params.cfg)
body, reading = load_body(job.params.body), job.params.reading
mesh_map = read_map_by(reading["map"], reading.get("map_mesh", "")) if "map" in reading else None
schema, method = stores.of_method(reading["kind"]), job.wildcards["method"]
files = zip(job.params.sequences, several(job.input.frames), several(job.output.bodies), strict=True)
for sequence, path, bodies in files:
    subject, action = sequence.split("/")
    frames = stores.FRAMES.read(path, only=["joints_cam", "take", "camera", "frame"])
    which = {"method": method, "subject": subject, "action": action}
    arrays = estimate(reading, which, frames, body, settings, mesh_map)
    facts = {"rows": frames.attrs["rows"], "method": method}
    schema.write(bodies, arrays, attrs=facts, provenance=job.provenance)
