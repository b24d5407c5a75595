"""Rule `segment`. The science is in jointreg.segmentation.segment."""

from jointreg import stores
from jointreg.config import Dataset, Segment
from jointreg.config.sequences import Work
from jointreg.datasets.readers import open_dataset
from jointreg.pipeline.job import start
from jointreg.segmentation.segment import Footage, segment

job = start(snakemake)
frames = stores.FRAMES.read(job.input.frames)
background = stores.BACKGROUND.read(job.input.background) if job.input.background else None
dataset = open_dataset(Dataset(**job.params.dataset))
recordings = dataset.recordings(Work(**job.params.sequence))
footage = Footage(frames, recordings, background)
arrays, facts = segment(footage, Segment(**job.params.cfg), job.params.device)
stores.MASKS.write(job.output.masks, arrays, attrs=facts, provenance=job.provenance)
