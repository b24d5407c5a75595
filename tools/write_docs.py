"""Write the generated pages: config/README.md, docs/stores.md and the pictures of the open body."""

from pathlib import Path

from jointreg.config import load, parameter_table, read_yaml
from jointreg.stores import SCHEMAS

ROOT = Path(__file__).resolve().parent.parent

CONFIG_HEAD = """\
# Configuration

`config.yaml` holds every key. A run's own file (`open.yaml`, `lab.yaml`) overrides what differs:
`snakemake --configfile config/open.yaml`. An unknown key stops the run and names its neighbour.

- `sequences/<run>.tsv`: the work, one row a subject and action; takes and cameras separated by commas;
  first and last frame (-1: the end); split train or test.
- `methods.tsv`: every known estimator; `predictions` come from files, `keypoints` needs none.
- `examples/<run>.tsv`: the frames that figures show.
- `damaged/human36m.tsv`: sequences with known faults.
- `generator.yaml`: every parameter of the open data set, with its source.

"""

STORES_HEAD = """\
# Stores

Every intermediate is one file, a zipped Zarr store, described once in `src/jointreg/stores.py`; this
page is generated from there. Reading and writing check shapes, units, finiteness and a sha256 of every
array; a truncated or altered file is refused with the command that makes it again.

"""


def main() -> None:
    """Write all pages."""
    config = load(read_yaml(ROOT / "config/config.yaml"))
    (ROOT / "config/README.md").write_text(CONFIG_HEAD + parameter_table(config))
    (ROOT / "docs/stores.md").write_text(stores_page())


def stores_page() -> str:
    """One section for each schema."""
    parts = [STORES_HEAD]
    for schema in SCHEMAS:
        parts.append(f"## {schema.name}, version {schema.version}\n\n{schema.about}\n\n")
        parts.append("| array | dimensions | type | unit | what | rows a chunk |\n")
        parts.append("| --- | --- | --- | --- | --- | --- |\n")
        for name, spec in schema.arrays.items():
            dims = " x ".join(str(d) for d in spec.dims)
            parts.append(
                f"| `{name}` | {dims} | {spec.dtype} | {spec.unit} | {spec.about} | {spec.chunk} |\n"
            )
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    main()
