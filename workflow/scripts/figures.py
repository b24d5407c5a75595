"""Rule `figures`. What the pictures show is in jointreg.gallery."""

from jointreg import gallery
from jointreg.body import load_body
from jointreg.config import Figures
from jointreg.exchange import load_regressor
from jointreg.job import by, start
from jointreg.sequences import Example, load_methods
from jointreg.tables import read_paper

job = start(snakemake)
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
methods = load_methods(job.params.methods_table)
paper = read_paper(job.params.paper) if job.params.paper else None
names = zip(job.params.regressors, job.input.regressors, strict=True)
shown = {name: load_regressor(path, body) for name, path in names}
examples = [Example(**row) for row in job.params.examples]
sources = {name: job.input[name] for name in ("frames", "masks", "initial", "refined")}
gallery.draw_overlays(body, examples, sources, shown["spin"], job.output.overlays, dpi)
ablated = [Example(**row) for row in job.params.ablated]
bodies = {"initial": job.input.ablated_initial} | by(job.params.variants, job.input.ablated_refined)
sources = {"frames": job.input.ablated_frames, "masks": job.input.ablated_masks} | bodies
gallery.draw_ablations(body, ablated, sources, shown["spin"], job.output.ablations, dpi)
trained = dict(zip(job.params.discriminating, job.input.training, strict=True))
gallery.draw_discriminators(trained, job.output.discriminator, dpi)
gallery.draw_energies(by(job.params.variants, job.input.energies), job.output.energies, dpi)
gallery.draw_errors(by(job.params.methods, job.input.errors), methods, job.output.joints, dpi)
gallery.draw_table(job.input.table, paper, methods, job.output.table, dpi)
gallery.draw_support(body, shown, job.output.support, dpi)
