"""Rule `synthesize_rig`. The generator is jointreg.synthetic."""

from pathlib import Path

from jointreg.config import Synthesize
from jointreg.config.sequences import Work
from jointreg.pipeline.job import start
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.rig import write_rig

job = start(snakemake)
settings = Synthesize(**job.params.cfg)
work = [Work(**row) for row in job.params.sequences]
write_rig(
    root=Path(job.output.calibration).parent,
    truth=Path(job.output.truth).parent,
    parameters=Parameters(**job.params.parameters),
    subjects=sorted({row.subject for row in work}),
    actions=sorted({row.action for row in work}),
    takes=sorted({take for row in work for take in row.takes}),
    camera_names=settings.cameras,
    seed=job.root_seed,
    kinds=settings,
)
