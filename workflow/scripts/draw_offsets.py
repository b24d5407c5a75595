"""Rule `draw_offsets`. The picture is in figures.label_offsets."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Figures
from jointreg.figures.label_offsets import offset_arrows, read_arrows
from jointreg.figures.saving import save
from jointreg.pipeline.job import start

job = start(snakemake)
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
joints = stores.OFFSETS.read(job.input.offsets).weights @ body.template
figure = offset_arrows(body.template, body.faces, joints, read_arrows(job.input.table))
save(figure, *job.output, dpi=dpi)
