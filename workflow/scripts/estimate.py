"""Rule `estimate`. The science is in jointreg.estimates."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Estimate, Networks
from jointreg.estimates import estimate
from jointreg.job import start
from jointreg.networks import shown

job = start(snakemake)
settings, kind = Estimate(**job.params.cfg), job.params.kind
networks = Networks(**job.params.networks) if job.params.networks else None
features = stores.FEATURES.read(job.input.features) if job.input.features else None
frames = stores.FRAMES.read(job.input.frames, only=["joints_cam", "take", "camera", "frame"])
body = load_body(job.params.body)
arrays = estimate(kind, job.wildcards, frames, body, settings, networks, features)
facts = {"rows": frames.attrs["rows"], "method": job.wildcards["method"]}
facts |= {"input": shown(kind, networks)} if networks else {}
stores.BODIES.write(job.output.bodies, arrays, attrs=facts, provenance=job.provenance)
