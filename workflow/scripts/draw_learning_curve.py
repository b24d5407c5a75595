"""Rules `draw_learning_curve` and `..._truth`. The picture is in figures.learning_curve."""

import pandas as pd

from jointreg.config import Figures
from jointreg.figures.learning_curve import learning_curves
from jointreg.figures.saving import save
from jointreg.pipeline.job import start

job = start(snakemake)
figure = learning_curves(pd.read_csv(job.input.table))
save(figure, *job.output, dpi=Figures(**job.params.cfg).dpi)
