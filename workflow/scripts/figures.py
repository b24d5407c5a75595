"""Rule `figures`. The pictures are drawn in jointreg.figures."""

from jointreg.body import load_body
from jointreg.config import REFERENCE_REGRESSOR, Figures
from jointreg.config.examples import Example
from jointreg.config.methods import load_methods
from jointreg.exchange.regressor_files import load_fitted
from jointreg.figures import from_stores
from jointreg.pipeline.job import by, start
from jointreg.tables.numbers import read_paper_values

job = start(snakemake)
stored, out = job.input, job.output
body, dpi = load_body(job.params.body), Figures(**job.params.cfg).dpi
methods = load_methods(*job.params.methods_tables)
paper_values = read_paper_values(job.params.paper_file) if job.params.paper_file else None
names = zip(job.params.regressors, stored.regressors, strict=True)
regressors = {name: load_fitted(path, body) for name, path in names}
examples = [Example(**row) for row in job.params.examples]
sources = {name: stored[name] for name in ("frames", "masks", "initial", "refined")}
from_stores.draw_overlays(body, examples, sources, regressors["spin"], out.overlays, dpi)
from_stores.draw_examples(body, examples, sources, regressors["spin"], out.teaser, out.triplets, dpi)
read = {name: regressors[name] for name in ("std", REFERENCE_REGRESSOR) if name in regressors}
body_files = {name: sources[name] for name in ("frames", "masks", "refined")}
from_stores.draw_joint_estimates(body, examples, body_files, read, out.estimates, dpi)
ablated = [Example(**row) for row in job.params.ablated]
bodies = {"initial": stored.ablated_initial} | by(job.params.variants, stored.ablated_refined)
sources = {"frames": stored.ablated_frames, "masks": stored.ablated_masks} | bodies
from_stores.draw_ablations(body, ablated, sources, regressors["spin"], out.ablations, dpi)
trained = dict(zip(job.params.discriminating, stored.training, strict=True))
from_stores.draw_discriminators(trained, out.discriminator, dpi)
from_stores.draw_energies(by(job.params.variants, stored.energies), out.energies, dpi)
from_stores.draw_errors(stored.by_joint, "joint", methods, out.joints, dpi)
from_stores.draw_errors(stored.by_action, "action", methods, out.actions, dpi)
from_stores.draw_errors_on_body(
    body, stored.by_joint, job.params.method, regressors[REFERENCE_REGRESSOR], out.on_body, dpi
)
from_stores.draw_table(stored.table, paper_values, methods, out.table, dpi)
from_stores.draw_support(body, regressors, out.support, dpi)
