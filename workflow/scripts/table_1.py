"""Rule `table_1`: every table of the evaluations. Numbers and cells are in jointreg.tables."""

from pathlib import Path

from jointreg import stores
from jointreg.config import Evaluate
from jointreg.config.joint_sets import joint_set_of
from jointreg.config.methods import load_methods
from jointreg.evaluation.protocol import protocol_joints
from jointreg.pipeline.job import by, start
from jointreg.tables import grids, numbers, render

job = start(snakemake)
protocol = Evaluate(**job.params.cfg)
beside = {
    "methods": load_methods(*job.params.methods_tables),
    "paper_values": numbers.read_paper_values(job.params.paper_file) if job.params.paper_file else None,
}
read = {
    method: [stores.ERRORS.read(path) for path in paths]
    for method, paths in by(job.params.methods, job.input.errors).items()
}
joint_set = joint_set_of(read[job.params.methods[0]][0].attrs)
joints = [joint_set.joints[row] for row in protocol_joints(protocol, joint_set)]
found = numbers.all_tables(numbers.read_rows(job.input.tables), read, protocol.average, joints, **beside)
captions = {
    name: render.caption_of(text, job.params.protocol) for name, text in job.params.captions.items()
}
folder = Path(job.output.csv).parent
for name, grid in grids.all_grids(found, captions=captions, **beside).items():
    numbers.write_csv(folder / f"{name}.csv", found[name])
    render.write_forms(folder / name, grid)
