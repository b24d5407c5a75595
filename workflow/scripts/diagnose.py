"""Rule `diagnose`, the one that reads the truth. The science is in jointreg.diagnosis."""

import numpy as np

from jointreg.body import load_body
from jointreg.config import Evaluate
from jointreg.diagnosis import variants
from jointreg.diagnosis.cases import load_cases, write_true_meshes
from jointreg.diagnosis.diagnose import COLUMNS, as_text, diagnose
from jointreg.exchange.regressor_files import load_fitted
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import start

job = start(snakemake)
body = load_body(job.params.body)
names = zip(job.params.regressors, job.input.regressors, strict=True)
kinds = ("frames", "masks", "estimates", "refined")
found = diagnose(
    body,
    load_cases(
        job.params.splits,
        job.params.truth,
        job.input.calibration,
        **{kind: job.input[kind] for kind in kinds},
    ),
    {name: load_fitted(path, body) for name, path in names},
    np.load(job.input.j_true),
    initial=job.params.initial,
    protocol=Evaluate(**job.params.cfg),
)
print(as_text(found.rows))
print(variants.as_text(found.variants))
write_rows(job.output.table, found.rows, COLUMNS)
write_rows(job.output.variants, found.variants, variants.COLUMNS)
write_true_meshes(
    body,
    job.params.truth,
    job.input.calibration,
    job.input.frames,
    job.output.examples,
    job.provenance,
)
