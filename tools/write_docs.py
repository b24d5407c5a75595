"""Write the generated pages, config/README.md, docs/stores.md and docs/reruns.md, and their pictures."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import reruns
from parameter_table import parameter_table
from showcase import moments

from jointreg.body import load_body
from jointreg.config import load, read_yaml
from jointreg.figures.mesh import body_views, mesh_rows
from jointreg.figures.saving import save
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import SMPL_24
from jointreg.stores import FRAMES, SCHEMAS
from jointreg.synthetic.parameters import load_parameters

ROOT = Path(__file__).resolve().parent.parent

CONFIG_HEAD = """\
# Configuration

`config.yaml` contains every key. The file of a run (`open.yaml`, `lab.yaml`) overrides what differs:
`snakemake --configfile config/open.yaml`. `own_data.yaml` is what films of your own have in common
(docs/tutorial_own_regressor.md). A key on the command line overrides both:
`--config 'fit_regressor={spin: {sum_weight: 50}}'`. An unknown key stops the run, and the message names
the nearest known one. A key of an earlier version stops it with the new name.

`{run}` in any text is replaced by the name of the run: `root: data/{run}/human36m`.

- `sequences/<run>.tsv`: the work, one row a subject and action. Takes and cameras are separated by
  commas; then first and last frame (-1: the end), and the split, train or test.
- `methods.tsv`: every known estimator. Its kind is where its results come from: files with bodies
  (`predictions`) or joints (`joints`), a network that is run (`spin`, `vibe`, `meva`, `vibe_sequence`,
  `meva_sequence`), or a fit to the labels (`keypoints`).
- `examples/<run>.tsv`: the frames that figures show.
- `damaged/human36m.tsv`: sequences with known faults.
- `generator.yaml`: every parameter of the open data set. What is realistic about it and what is not:
  [docs/open_data.md](../docs/open_data.md).

"""

STORES_HEAD = """\
# Stores

Every intermediate is one file, a zipped Zarr store, described in `src/jointreg/stores/schemas.py`; this
page is generated from there. Reading and writing check shapes, units, finiteness and a sha256 of every
array; a truncated or altered file is refused with the command that makes it again.

"""


def main() -> None:
    """Write all pages."""
    config = load(read_yaml(ROOT / "config/config.yaml"))
    (ROOT / "config/README.md").write_text(CONFIG_HEAD + parameter_table(config), encoding="utf-8")
    (ROOT / "docs/stores.md").write_text(
        stores_page() + measured_sizes(ROOT / "results/open"), encoding="utf-8"
    )
    write_reruns(ROOT / "docs/reruns.md")
    draw_open_body()
    draw_actions()
    copy_overlay(ROOT / "results/open/figures/overlay_S6_Sitting.png")


def write_reruns(target: Path) -> None:
    """What each key reruns, by dry runs on a tiny run that is made for it in a copy of the project."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tiny"
        parts = ("Snakefile", "workflow", "src", "config", "envs", "profiles", "tests/tiny")
        for part in parts:
            (copy / part).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", ROOT / part, copy / part], check=True)
        snakemake = Path(sys.executable).with_name("snakemake")
        subprocess.run([snakemake, "--cores", "2", "--quiet", "all", *reruns.TINY], cwd=copy, check=True)
        target.write_text(reruns.page(copy), encoding="utf-8")


def draw_actions() -> None:
    """Seven moments of each action of the open data set."""
    parameters = load_parameters(ROOT / "config/generator.yaml")
    rows = moments(parameters, "S6", np.arange(7) * 0.8, np.random.default_rng(4))
    picture = mesh_rows(rows, load_body("open").faces)
    save(picture, ROOT / "docs/pictures/actions.png", dpi=80)


def copy_overlay(source: Path) -> None:
    """The README's picture, from a finished demo."""
    if source.exists():
        shutil.copyfile(source, ROOT / "docs/pictures/overlay.png")


SITTING = {
    **{f"{side}_hip": (-1.5, 0.0, 0.0) for side in ("left", "right")},
    **{f"{side}_knee": (1.5, 0.0, 0.0) for side in ("left", "right")},
    "left_shoulder": (0.0, 0.0, -1.1),
    "right_shoulder": (0.0, 0.0, 1.1),
    "left_elbow": (0.0, -0.9, 0.0),
    "right_elbow": (0.0, 0.9, 0.0),
}
"""Axis-angle of the joints of a sitting body, radians."""


def draw_open_body() -> None:
    """The open body in T-pose, sitting, and two standard deviations along its first shape directions."""
    body = load_body("open")
    pose = np.zeros((1, 24, 3))
    for name, turn in SITTING.items():
        pose[0, SMPL_24.index(name)] = turn
    rest, none = np.tile(np.eye(3), (1, 24, 1, 1)), np.zeros((1, body.n_betas))
    poses = {
        "T-pose": body.vertices(rest, none)[0],
        "sitting": body.vertices(from_axis_angle(pose), none)[0],
    }
    shapes = {}
    for direction in range(3):
        for sign in (-2, 2):
            betas = none.copy()
            betas[0, direction] = sign
            shapes[f"beta {direction} = {sign:+d}"] = body.vertices(rest, betas)[0]
    pictures = ROOT / "docs/pictures"
    save(body_views(poses, body.faces), pictures / "open_body.png", dpi=110)
    save(body_views(shapes, body.faces), pictures / "open_body_shapes.png", dpi=90)


def measured_sizes(results: Path) -> str:
    """Bytes a frame of every per-frame store of a finished demo, as a table.

    Raises:
        FileNotFoundError: there is no finished demo to measure.
    """
    kinds = {
        "frames": "prepare/*/*.zarr.zip",
        "masks": "segment/*/*.zarr.zip",
        "bodies": "estimate/sim_spin/*/*.zarr.zip",
        "energies": "optimize/full/*/*.energies.zarr.zip",
    }
    lines = ["\n## Measured size\n\nAfter compression, in the demo: bytes a frame.\n"]
    lines += ["| store | bytes a frame |", "| --- | ---: |"]
    rows = len(FRAMES.read(next(results.glob(kinds["frames"])), only=["frame"]).frame)
    for name, pattern in kinds.items():
        files = list(results.glob(pattern))
        if not files:
            raise FileNotFoundError(f"no {pattern} in {results}: run `make demo` first")
        size = sum(path.stat().st_size for path in files) / len(files) / rows
        lines.append(f"| {name} | {size:,.0f} |")
    return "\n".join(lines) + "\n"


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
