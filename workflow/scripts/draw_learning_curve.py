"""Rules `draw_learning_curve` and `..._truth`. The picture is in jointreg.learning_figures."""

import pandas as pd

from jointreg.config import Figures
from jointreg.figures import tables
from jointreg.figures.learning_curve import learning_curves
from jointreg.pipeline.job import start

job = start(snakemake)
figure = learning_curves(pd.read_csv(job.input.table))
for path in job.output:
    tables.save(figure, path, Figures(**job.params.cfg).dpi)
