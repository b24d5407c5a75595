"""Rule `split_subject`: the rows of one sequence in the stores of its subject."""

import numpy as np

from jointreg import stores
from jointreg.pipeline.job import start

job = start(snakemake)
name = "{subject}/{action}".format_map(job.wildcards)
for schema, source, output in (
    (stores.BODIES, job.input.bodies, job.output.bodies),
    (stores.ENERGIES, job.input.energies, job.output.energies),
):
    whole = schema.read(source)
    at = whole.attrs["sequences"].index(name)
    ends = np.cumsum([0, *whole.attrs["frames"]])
    rows = slice(ends[at], ends[at + 1])
    arrays = {key: value[rows] if key != "iteration" else value for key, value in whole.items()}
    facts = {key: whole.attrs[key] for key in ("method", "terms") if key in whole.attrs}
    facts["rows"] = whole.attrs["rows"][at]
    schema.write(output, arrays, attrs=facts, provenance=job.provenance)
