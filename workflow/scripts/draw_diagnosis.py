"""Rule `draw_diagnosis`, on the side of the truth. Pictures: jointreg.gallery; cells: jointreg.grids."""

from pathlib import Path

import numpy as np
import pandas as pd

from jointreg import gallery, grids, table_text
from jointreg.body import load_body
from jointreg.config import Figures
from jointreg.exchange import load_regressor
from jointreg.job import start

job = start(snakemake)
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
names = zip(job.params.regressors, job.input.regressors, strict=True)
regressors = {name: load_regressor(path, body) for name, path in names}
gallery.draw_variants(job.input.variants, job.output.variants, dpi)
gallery.draw_joint_marks(body, regressors, np.load(job.input.j_true), job.output.joints, dpi)
for path, grid in (
    (job.input.table, grids.diagnostics(pd.read_csv(job.input.table))),
    (job.input.variants, grids.variants(pd.read_csv(job.input.variants))),
):
    name = Path(path).with_suffix("")
    caption = table_text.caption_of(job.params.captions[name.name], "")
    table_text.write_forms(name, grids.captioned(grid, *caption))
