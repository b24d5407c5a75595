"""Rules `split_subject` and `split_training`: the rows of each sequence in the stores of its subject."""

import numpy as np

from jointreg import stores
from jointreg.pipeline.job import several, start

job = start(snakemake)
for schema, sources, outputs in (
    (stores.BODIES, job.input.bodies, job.output.bodies),
    (stores.ENERGIES, job.input.energies, job.output.energies),
):
    files = dict(zip(job.params.sequences, several(outputs), strict=True))
    for source in several(sources):
        whole = schema.read(source)
        ends = np.cumsum([0, *whole.attrs["frames"]])
        facts = {key: whole.attrs[key] for key in ("method", "terms") if key in whole.attrs}
        for at, name in enumerate(whole.attrs["sequences"]):
            if name in files:
                rows = slice(ends[at], ends[at + 1])
                arrays = {
                    key: value[rows] if key != "iteration" else value for key, value in whole.items()
                }
                facts["rows"] = whole.attrs["rows"][at]
                schema.write(files[name], arrays, attrs=facts, provenance=job.provenance)
