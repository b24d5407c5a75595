"""Rules `draw_learning_curve` and `..._truth`. The picture is in figures.learning_curve."""

from jointreg.config import Figures
from jointreg.figures.learning_curve import learning_curves
from jointreg.figures.saving import save
from jointreg.files.csv_rows import read_table
from jointreg.pipeline.job import start

job = start(snakemake)
figure = learning_curves(read_table(job.input.table))
save(figure, *job.output, dpi=Figures(**job.params.cfg).dpi)
