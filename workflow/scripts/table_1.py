"""Rule `table_1`: every table of the evaluations. Numbers: jointreg.tables; cells: jointreg.grids."""

from pathlib import Path

from jointreg import grids, stores, table_text, tables
from jointreg.config import Evaluate
from jointreg.evaluation import protocol_joints
from jointreg.job import by, start
from jointreg.sequences import load_methods
from jointreg.skeleton import H36M_17

job = start(snakemake)
protocol = Evaluate(**job.params.cfg)
joints = [H36M_17[row] for row in protocol_joints(protocol)]
beside = {
    "methods": load_methods(job.params.methods_table),
    "paper": tables.read_paper(job.params.paper) if job.params.paper else None,
}
read = {
    method: [stores.ERRORS.read(path) for path in paths]
    for method, paths in by(job.params.methods, job.input.errors).items()
}
found = tables.all_tables(tables.read_rows(job.input.tables), read, protocol.average, joints, **beside)
captions = {
    name: table_text.caption_of(text, job.params.protocol) for name, text in job.params.captions.items()
}
folder = Path(job.output.csv).parent
for name, grid in grids.all_grids(found, captions=captions, **beside).items():
    tables.write_csv(folder / f"{name}.csv", found[name])
    table_text.write_forms(folder / name, grid)
