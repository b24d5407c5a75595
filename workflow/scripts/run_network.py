"""Rule `run_network`. The science is in jointreg.estimators."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.estimators.bodies import network_bodies
from jointreg.pipeline.job import start

job = start(snakemake)
frames = stores.FRAMES.read(job.input.frames, only=["joints_cam", "take", "camera", "frame"])
features = stores.FEATURES.read(job.input.features)
arrays = network_bodies(
    frames=frames,
    features=features,
    body=load_body(job.params.body),
    checkpoint=job.input.checkpoint,
    mean_params=job.input.mean_params or None,
    **job.params.cfg,
)
facts = {"rows": frames.attrs["rows"], "method": job.wildcards["method"]}
facts["input"] = job.params.cfg | {"crop": features.attrs["crop"]}
stores.BODIES.write(job.output.bodies, arrays, attrs=facts, provenance=job.provenance)
