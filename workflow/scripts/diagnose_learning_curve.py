"""Rule `diagnose_learning_curve`, which reads the truth. Science: jointreg.learning_diagnosis."""

import numpy as np

from jointreg import stores
from jointreg.body import load_body
from jointreg.job import start
from jointreg.learning_curve import COLUMNS, read_fits
from jointreg.learning_diagnosis import true_errors
from jointreg.synthetic.truth import read_bodies
from jointreg.tidy import write_rows

job = start(snakemake)
body = load_body(job.params.body)
fits = read_fits(stores.LEARNING_CURVE.read(job.input.fits), body)
sequences = (read_bodies(job.params.truth, *name.split("/")) for name in job.params.sequences)
write_rows(job.output.table, true_errors(body, fits, sequences, np.load(job.input.j_true)), COLUMNS)
