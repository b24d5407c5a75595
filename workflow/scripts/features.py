"""Rule `features`. The science is in jointreg.estimators."""

from jointreg import stores
from jointreg.config import Dataset
from jointreg.config.sequences import Work
from jointreg.datasets.readers import open_dataset
from jointreg.estimators import load_backbone
from jointreg.estimators.bodies import frame_features
from jointreg.estimators.input_crops import arrays_for
from jointreg.pipeline.job import start
from jointreg.progress import report

job = start(snakemake)
crop = job.wildcards["crop"]
frames = stores.FRAMES.read(job.input.frames, only=arrays_for(crop))
arrays = frame_features(
    load_backbone(job.input.checkpoint, job.params.device),
    frames,
    open_dataset(Dataset(**job.params.dataset)).recordings(Work(**job.params.sequence)),
    crop,
    batch=job.params.batch,
    device=job.params.device,
    progress=report("frames"),
)
facts = {"rows": frames.attrs["rows"], "crop": crop}
stores.FEATURES.write(job.output.features, arrays, attrs=facts, provenance=job.provenance)
