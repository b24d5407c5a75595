"""Rule `diagnose_learning_curve`, which reads the truth. Science: jointreg.diagnosis.learning_curve."""

import numpy as np

from jointreg import stores
from jointreg.body import load_body
from jointreg.diagnosis.learning_curve import true_errors
from jointreg.diagnosis.true_bodies import all_true_bodies
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import start
from jointreg.regressor.learning_curve import COLUMNS, read_fits

job = start(snakemake)
body = load_body(job.params.body)
fits = read_fits(stores.LEARNING_CURVE.read(job.input.fits), body)
sequences = (all_true_bodies(job.params.truth, *name.split("/")) for name in job.params.sequences)
write_rows(job.output.table, true_errors(body, fits, sequences, np.load(job.input.j_true)), COLUMNS)
