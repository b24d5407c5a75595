"""Rule `diagnose_offsets`, which reads the truth. Science: jointreg.diagnosis.label_offsets."""

import numpy as np

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import FitRegressor
from jointreg.diagnosis.label_offsets import COLUMNS, diagnose_offsets
from jointreg.diagnosis.true_bodies import FRAMES_READ, model_bodies
from jointreg.files.csv_rows import write_rows
from jointreg.pipeline.job import start
from jointreg.regressor.label_offsets import read_offsets
from jointreg.stores import Record
from jointreg.synthetic.labels import label_offsets
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.truth import read_vertices

job = start(snakemake)
body, made = load_body(job.params.body), Parameters(**job.params.parameters)
found = read_offsets(stores.OFFSETS.read(job.input.offsets))
sequences = []
for name, path in zip(job.params.sequences, job.input.frames, strict=True):
    frames, (subject, action) = stores.FRAMES.read(path, only=FRAMES_READ), name.split("/")
    if read_vertices(job.params.truth, subject, action) is None:
        truth = model_bodies(job.params.truth, subject, action, frames)
        sequences.append((subject, Record(truth, {"rows": frames.attrs["rows"]}), frames))
if not sequences:
    print("free people have no true bodies of the model: offsets of refined bodies only")
rows = diagnose_offsets(
    body,
    found,
    {subject: label_offsets(subject, made.planted_seed, made.labels) for subject in found.subjects},
    sequences,
    np.load(job.input.j_true),
    FitRegressor(**job.params.cfg),
)
write_rows(job.output.table, rows, COLUMNS)
