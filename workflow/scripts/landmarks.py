"""Rule `landmarks`. The science is in jointreg.landmarks and jointreg.tracking."""

from jointreg.config import Dataset, Triangulate
from jointreg.datasets.multiview import Multiview
from jointreg.job import start
from jointreg.landmarks import Landmarker
from jointreg.tracking import track_videos, write_tracks

job = start(snakemake)
videos = Multiview(Dataset(**job.params.dataset)).videos_of(job.wildcards["recording"])
landmarker = Landmarker(Triangulate(**job.params.cfg).weights)
write_tracks(job.output.tracks, track_videos(landmarker, videos))
