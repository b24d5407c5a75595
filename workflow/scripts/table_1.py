"""Rule `table_1`. The science is in jointreg.tables, the forms in jointreg.table_text."""

from pathlib import Path

from jointreg import table_text, tables
from jointreg.config import Evaluate
from jointreg.job import start
from jointreg.sequences import load_methods

job = start(snakemake)
average = Evaluate(**job.params.cfg).average
methods = load_methods(job.params.methods_table)
paper = tables.read_paper(job.params.paper) if job.params.paper else None
rows = tables.read_rows(job.input)
table = tables.table_1(rows, average, paper=paper, methods=methods)
grid = table_text.table_1_grid(table, paper, methods)
tables.write_csv(job.output.csv, table)
tables.write_csv(job.output.ablation, tables.ablation(rows, average))
tables.write_csv(job.output.subjects, tables.table_1_by_subject(rows, average))
Path(job.output.text).write_text(table_text.to_text(grid, job.params.protocol))
Path(job.output.markdown).write_text(table_text.to_markdown(grid, job.params.protocol))
Path(job.output.latex).write_text(table_text.to_latex(grid, job.params.protocol))
