"""Rule `background`. The science is in jointreg.segmentation.background."""

from jointreg import stores
from jointreg.config import Background, Dataset
from jointreg.config.sequences import Work
from jointreg.datasets.readers import open_dataset
from jointreg.pipeline.job import start
from jointreg.segmentation.background import background_model

job = start(snakemake)
dataset = open_dataset(Dataset(**job.params.dataset))
sequences = [Work(**row) for row in job.params.sequences]
recordings = [recording for row in sequences for recording in dataset.recordings(row)]
arrays, facts = background_model(recordings, Background(**job.params.cfg))
stores.BACKGROUND.write(job.output.model, arrays, attrs=facts, provenance=job.provenance)
