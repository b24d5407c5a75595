"""Rule `prepare`. The science is in jointreg.frames.prepare."""

from jointreg import stores
from jointreg.config import Dataset, Prepare
from jointreg.config.sequences import Work
from jointreg.datasets.readers import open_dataset
from jointreg.frames.prepare import prepare
from jointreg.pipeline.job import start

job = start(snakemake)
dataset = open_dataset(Dataset(**job.params.dataset))
recordings = dataset.recordings(Work(**job.params.sequence))
arrays, facts = prepare(recordings, Prepare(**job.params.cfg))
stores.FRAMES.write(job.output.frames, arrays, attrs=facts, provenance=job.provenance)
