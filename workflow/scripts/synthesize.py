"""Rule `synthesize`. The generator is jointreg.synthetic."""

from pathlib import Path

from jointreg.config import Synthesize
from jointreg.config.sequences import Work
from jointreg.pipeline.job import start
from jointreg.provenance import write_index
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.subject import write_subject

job = start(snakemake)
settings = Synthesize(**job.params.cfg)
work = [Work(**row) for row in job.params.sequences]
subject, root = job.wildcards["subject"], Path(job.input.calibration).parent
truth = Path(job.params.truth)
write_subject(
    subject=subject,
    root=root,
    truth_root=truth,
    parameters=Parameters(**job.params.parameters),
    takes={row.action: row.takes for row in work},
    cameras=settings.cameras,
    frames=settings.frames,
    frames_per_second=settings.frames_per_second,
    seed=job.root_seed,
    kinds=settings,
)
write_index(job.output.raw, [root / subject, *root.glob(f"predictions/*/{subject}")])
write_index(job.output.truth, truth.glob(f"*/{subject}"))
