"""Rule `variants_figure`. The picture is in jointreg.curves."""

from jointreg import gallery
from jointreg.config import Figures
from jointreg.job import start

job = start(snakemake)
gallery.draw_variants(job.input[0], job.output, Figures(**job.params.cfg).dpi)
