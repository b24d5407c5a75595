"""Rule `diagnose_examples`, which reads the truth. The matching is in jointreg.diagnosis_input."""

from jointreg import stores
from jointreg.diagnosis_input import FRAMES_READ, true_bodies
from jointreg.job import start
from jointreg.sequences import Example

job = start(snakemake)
examples = [Example(**row) for row in job.params.examples]
for example, path, output in zip(examples, job.input.frames, job.output.bodies, strict=True):
    frames = stores.FRAMES.read(path, only=FRAMES_READ)
    bodies = true_bodies(job.params.truth, example.subject, example.action, frames)
    facts = {"rows": frames.attrs["rows"], "method": "true"}
    stores.BODIES.write(output, bodies, attrs=facts, provenance=job.provenance)
