"""Draw docs/pictures/refined_people.jpg: five people, their masks, true and refined bodies.

python tools/refined_people.py [run] [variant] [picture], after that run of an open data set.
"""

import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from jointreg import stores
from jointreg.body import load_body
from jointreg.diagnosis.true_bodies import read_cameras, true_bodies
from jointreg.figures.panels import THIN, show_outline
from jointreg.figures.saving import save
from jointreg.figures.style import COLOURS, PICTURE
from jointreg.silhouette.meshes import mesh_coverage
from jointreg.synthetic.parameters import load_parameters

ROOT = Path(__file__).resolve().parent.parent
SCENES = (
    ("S1", "Walking", 3),
    ("S5", "Directions", 3),
    ("S6", "Sitting", 5),
    ("S7", "Walking", 6),
    ("S8", "Sitting", 20),
)
"""Subject, action, row of the sequence."""
ROWS = {"mask": COLOURS["mask"], "true body": "#2ca02c", "refined body": COLOURS["refined"]}
NAMES = ("rotations", "betas", "translation")


def main(run: str = "open_real", variant: str = "recommended", path: str = "") -> None:
    """A column a person: the mask, then the true and the refined body over it."""
    data, results = ROOT / "data" / run, ROOT / "results" / run
    body = load_body(load_parameters(ROOT / "config/generator.yaml").body)
    with mpl.rc_context(PICTURE):
        figure = Figure(figsize=(2 * len(SCENES), 6.2), layout="constrained")
        for column, (subject, action, row) in zip(
            figure.subplots(3, len(SCENES)).T, SCENES, strict=True
        ):
            name = f"{subject}/{action}.zarr.zip"
            frames = stores.FRAMES.read(results / "prepare" / name)
            mask = stores.MASKS.read(results / "segment" / name)["masks"][row] / 255
            cameras = read_cameras(data / "human36m/metadata.xml", subject)
            true = true_bodies(data / "truth", subject, action, frames, cameras).vertices(body)[row]
            own = stores.BODIES.read(results / "optimize" / variant / name)
            refined = body.vertices(*(own[key][[row]] for key in NAMES))[0]
            column[0].set_title(f"{subject}, {action}")
            for axis, mesh, (label, colour) in zip(
                column, (None, true, refined), ROWS.items(), strict=True
            ):
                if subject == SCENES[0][0]:
                    axis.text(-8, 112, label, rotation=90, ha="right", va="center")
                axis.imshow(frames["crops"][row], interpolation="nearest")
                axis.set_axis_off()
                show_outline(axis, mask, COLOURS["mask"], THIN)
                if mesh is not None:
                    crop = frames["crop_intrinsics"][[row]]
                    (covered,) = mesh_coverage(mesh[None], body.faces, crop, len(mask))
                    show_outline(axis, covered, colour, THIN)
    save(figure, Path(path or ROOT / "docs/pictures/refined_people.jpg"), dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
