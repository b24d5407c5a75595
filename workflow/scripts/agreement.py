"""Rule `agreement`. The science is in jointreg.evaluation.agreement."""

from jointreg import stores
from jointreg.body import load_body
from jointreg.evaluation.agreement import COLUMNS, agreement_rows
from jointreg.exchange.regressor_files import load_fitted
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import by, start
from jointreg.progress import progress

job = start(snakemake)
kept = ["joints_cam", "joints_px", "crop_intrinsics", "camera"]
files = list(zip(job.input.frames, job.input.masks, strict=True))
sequences = (
    (stores.FRAMES.read(frames, only=kept), stores.MASKS.read(masks))
    for frames, masks in progress(files, "sequences")
)
sets = {
    name: (stores.BODIES.read(path) for path in paths)
    for name, paths in by(job.params.bodies, job.input.bodies).items()
}
body = load_body(job.params.body)
rows = agreement_rows(body, sequences, sets, load_fitted(job.input.regressor, body))
write_rows(job.output.table, rows, COLUMNS)
