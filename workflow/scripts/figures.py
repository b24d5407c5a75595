"""Rule `figures`. What the pictures show is in jointreg.gallery."""

from jointreg import gallery
from jointreg.body import load_body
from jointreg.config import Figures
from jointreg.exchange import load_regressor
from jointreg.job import by, start
from jointreg.sequences import Example, load_methods
from jointreg.tables import read_paper

job = start(snakemake)
given, out = job.input, job.output
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
methods = load_methods(job.params.methods_table)
paper = read_paper(job.params.paper) if job.params.paper else None
names = zip(job.params.regressors, given.regressors, strict=True)
shown = {name: load_regressor(path, body) for name, path in names}
examples = [Example(**row) for row in job.params.examples]
sources = {name: given[name] for name in ("frames", "masks", "initial", "refined")}
gallery.draw_overlays(body, examples, sources, shown["spin"], out.overlays, dpi)
gallery.draw_examples(body, examples, sources, shown["spin"], out.teaser, out.triplets, dpi)
read = {name: shown[name] for name in ("std", "opt_full") if name in shown}
body_files = {name: sources[name] for name in ("frames", "masks", "refined")}
gallery.draw_joint_estimates(body, examples, body_files, read, out.estimates, dpi)
ablated = [Example(**row) for row in job.params.ablated]
bodies = {"initial": given.ablated_initial} | by(job.params.variants, given.ablated_refined)
sources = {"frames": given.ablated_frames, "masks": given.ablated_masks} | bodies
gallery.draw_ablations(body, ablated, sources, shown["spin"], out.ablations, dpi)
trained = dict(zip(job.params.discriminating, given.training, strict=True))
gallery.draw_discriminators(trained, out.discriminator, dpi)
gallery.draw_energies(by(job.params.variants, given.energies), out.energies, dpi)
gallery.draw_errors(given.by_joint, "joint", methods, out.joints, dpi)
gallery.draw_errors(given.by_action, "action", methods, out.actions, dpi)
gallery.draw_errors_on_body(body, given.by_joint, job.params.method, shown["opt_full"], out.on_body, dpi)
gallery.draw_table(given.table, paper, methods, out.table, dpi)
gallery.draw_support(body, shown, out.support, dpi)
