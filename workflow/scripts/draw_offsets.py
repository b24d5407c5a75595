"""Rule `draw_offsets`. The picture is in jointreg.offset_figures."""

from jointreg import figures, stores
from jointreg.body import load_body
from jointreg.config import Figures
from jointreg.job import start
from jointreg.offset_figures import offset_arrows, read_arrows

job = start(snakemake)
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
joints = stores.OFFSETS.read(job.input.offsets).weights @ body.template
figure = offset_arrows(body.template, body.faces, joints, read_arrows(job.input.table))
for path in job.output:
    figures.save(figure, path, dpi)
