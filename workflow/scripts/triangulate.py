"""Rule `triangulate`. The science is in jointreg.labels.make and jointreg.labels.triangulation."""

from pathlib import Path

from jointreg.config import Triangulate
from jointreg.datasets.calibration import read_calibration
from jointreg.labels.make import make_labels, reprojection_table, write_labels
from jointreg.labels.tracking import read_tracks
from jointreg.pipeline.job import start

job = start(snakemake)
cameras = read_calibration(job.input.calibration)
labels = make_labels(cameras, read_tracks(job.input.tracks), Triangulate(**job.params.cfg))
write_labels(job.output.labels, labels)
Path(job.output.check).write_text(reprojection_table(labels) + "\n", encoding="utf-8")
