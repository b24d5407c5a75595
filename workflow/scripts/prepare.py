"""Rule `prepare`. The science is in jointreg.prepare."""

from jointreg import stores
from jointreg.config import Dataset, Prepare
from jointreg.datasets import open_dataset
from jointreg.job import start
from jointreg.prepare import prepare
from jointreg.sequences import Sequence

job = start(snakemake)
dataset = open_dataset(Dataset(**job.params.dataset))
recordings = dataset.recordings(Sequence(**job.params.sequence))
arrays, facts = prepare(recordings, Prepare(**job.params.cfg))
stores.FRAMES.write(job.output.frames, arrays, attrs=facts, provenance=job.provenance)
