"""Rule `draw_diagnosis`, on the side of the truth. Pictures: figures.from_stores; cells: tables."""

from pathlib import Path

import numpy as np

from jointreg.body import load_body
from jointreg.config import Figures
from jointreg.exchange.regressor_files import load_fitted
from jointreg.figures import from_stores
from jointreg.files.csv_rows import read_table
from jointreg.pipeline.job import start
from jointreg.tables import against_truth, grids, render

job = start(snakemake)
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
names = zip(job.params.regressors, job.input.regressors, strict=True)
regressors = {name: load_fitted(path, body) for name, path in names}
from_stores.draw_variants(job.input.variants, job.output.variants, dpi)
from_stores.draw_joint_marks(body, regressors, np.load(job.input.j_true), job.output.joints, dpi)
for path, grid in (
    (job.input.table, against_truth.diagnostics(read_table(job.input.table))),
    (job.input.variants, against_truth.variants(read_table(job.input.variants))),
):
    name = Path(path).with_suffix("")
    caption = render.caption_of(job.params.captions[name.name], "")
    render.write_forms(name, grids.captioned(grid, *caption))
