"""Rules `draw_learning_curve` and `..._truth`. The picture is in jointreg.learning_figures."""

import pandas as pd

from jointreg import figures
from jointreg.config import Figures
from jointreg.job import start
from jointreg.learning_figures import learning_curves

job = start(snakemake)
figure = learning_curves(pd.read_csv(job.input.table))
for path in job.output:
    figures.save(figure, path, Figures(**job.params.cfg).dpi)
