"""Rule `figures`. What the pictures show is in jointreg.gallery."""

from jointreg.body import load_body
from jointreg.config import REFERENCE_REGRESSOR, Figures
from jointreg.config.examples import Example
from jointreg.config.methods import load_methods
from jointreg.figures import from_stores
from jointreg.pipeline.job import by, start
from jointreg.regressor import load_regressor
from jointreg.tables.numbers import read_paper_values

job = start(snakemake)
given, out = job.input, job.output
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
methods = load_methods(job.params.methods_table)
paper_values = read_paper_values(job.params.paper_file) if job.params.paper_file else None
names = zip(job.params.regressors, given.regressors, strict=True)
shown = {name: load_regressor(path, body) for name, path in names}
examples = [Example(**row) for row in job.params.examples]
sources = {name: given[name] for name in ("frames", "masks", "initial", "refined")}
from_stores.draw_overlays(body, examples, sources, shown["spin"], out.overlays, dpi)
from_stores.draw_examples(body, examples, sources, shown["spin"], out.teaser, out.triplets, dpi)
read = {name: shown[name] for name in ("std", REFERENCE_REGRESSOR) if name in shown}
body_files = {name: sources[name] for name in ("frames", "masks", "refined")}
from_stores.draw_joint_estimates(body, examples, body_files, read, out.estimates, dpi)
ablated = [Example(**row) for row in job.params.ablated]
bodies = {"initial": given.ablated_initial} | by(job.params.variants, given.ablated_refined)
sources = {"frames": given.ablated_frames, "masks": given.ablated_masks} | bodies
from_stores.draw_ablations(body, ablated, sources, shown["spin"], out.ablations, dpi)
trained = dict(zip(job.params.discriminating, given.training, strict=True))
from_stores.draw_discriminators(trained, out.discriminator, dpi)
from_stores.draw_energies(by(job.params.variants, given.energies), out.energies, dpi)
from_stores.draw_errors(given.by_joint, "joint", methods, out.joints, dpi)
from_stores.draw_errors(given.by_action, "action", methods, out.actions, dpi)
from_stores.draw_errors_on_body(
    body, given.by_joint, job.params.method, shown[REFERENCE_REGRESSOR], out.on_body, dpi
)
from_stores.draw_table(given.table, paper_values, methods, out.table, dpi)
from_stores.draw_support(body, shown, out.support, dpi)
