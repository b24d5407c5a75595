"""Rule `export`. The formats are in jointreg.exchange."""

from pathlib import Path

from jointreg.exchange.regressor_files import export, load_fitted
from jointreg.pipeline.job import start

job = start(snakemake)
for name, path in zip(job.params.names, job.input.regressors, strict=True):
    regressor = load_fitted(path)
    regressor.about.update(job.params.trained_on)
    export(regressor, Path(job.params.folder, name))
