"""Rule `landmarks`. The science is in jointreg.labels.landmarker and jointreg.labels.tracking."""

from jointreg.config import Dataset, Triangulate
from jointreg.datasets.multiview import Multiview
from jointreg.labels.landmarker import Landmarker
from jointreg.labels.tracking import track_videos, write_tracks
from jointreg.pipeline.job import start

job = start(snakemake)
videos = Multiview(Dataset(**job.params.dataset)).videos_of(job.wildcards["recording"])
landmarker = Landmarker(Triangulate(**job.params.cfg).weights)
write_tracks(job.output.tracks, track_videos(landmarker, videos))
