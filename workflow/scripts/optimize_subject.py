"""Rule `optimize_subject`. The science is in jointreg.refine."""

import numpy as np

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Optimize
from jointreg.exchange.regressor_files import load_fitted
from jointreg.labels.offsets import without_mean
from jointreg.pipeline.job import start
from jointreg.progress import report
from jointreg.refine import Sample, refine_sample
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample
from jointreg.refine.shell import PARTS
from jointreg.skeleton import H36M_17

job = start(snakemake)
body = load_body(job.params.body)
files = zip(job.input.frames, job.input.masks, job.input.bodies, strict=True)
samples = [load_sample(*three) for three in files]
starts = [stores.SUBJECT_OFFSETS.read(path) for path in job.input.offsets]
offsets = [one.offsets for one in starts]
refined = refine_sample(
    body,
    Sample.joined(samples),
    load_fitted(job.input.regressor, body).weights,
    settings=Optimize(**job.params.cfg),
    weights=EnergyWeights.read(job.input.weights),
    discriminator=Discriminator.load(path) if (path := job.input.discriminator) else None,
    offsets=without_mean(offsets[0], offsets[1:]) if offsets else None,
    thickness=starts[0].thickness if starts else None,
    device=job.params.device,
    progress=report("frames"),
)
facts = {
    "sequences": list(job.params.sequences),
    "frames": [len(sample) for sample in samples],
    "rows": [stores.BODIES.read(path, only=[]).attrs["rows"] for path in job.input.bodies],
}
if refined.amplifies:
    print(f"this round moves away from the truth, so its start is kept: {refined.amplifies}")
variant = job.wildcards["variant"]
refined.write(job.output.bodies, job.output.energies, facts, variant, job.provenance)
stores.SUBJECT_OFFSETS.write(
    job.output.offsets,
    {
        "offsets": np.zeros((len(H36M_17), 3)) if refined.offsets is None else refined.offsets,
        "thickness": np.zeros(len(PARTS)) if refined.thickness is None else refined.thickness,
    },
    attrs={
        "subject": job.wildcards["subject"],
        "joint_names": list(H36M_17),
        "parts": list(PARTS),
        "amplifies": refined.amplifies,
    },
    provenance=job.provenance,
)
