"""From stores to picture files: reads what a figure shows, calls the figure, saves it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jointreg import stores
from jointreg.body.model import Body
from jointreg.config.examples import Example
from jointreg.config.joint_sets import joint_set_of
from jointreg.config.methods import Method
from jointreg.errors import ConfigError
from jointreg.exchange.regressor import Regressor
from jointreg.figures import curves, error_dots, overlays
from jointreg.figures.animation import Fit, animate, save_gif
from jointreg.figures.mesh import errors_on_body, joint_marks, regressor_support
from jointreg.figures.panels import DrawnBody, DrawnFrame
from jointreg.figures.saving import save
from jointreg.figures.shading import shaded
from jointreg.files.csv_rows import read_table
from jointreg.geometry.camera import project_pinhole
from jointreg.silhouette.meshes import mesh_coverage
from jointreg.tables.names import MEAN, TABLE_1

if TYPE_CHECKING:
    import pandas as pd

    from jointreg.refine.trajectory import Trajectory


def draw_overlays(
    body: Body,
    examples: Sequence[Example],
    files: Mapping[str, Sequence[str]],
    regressor: Regressor,
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """One picture an example: the mask, the initial and the refined body, and their joints.

    Args:
        body: the body model.
        examples: which rows of which sequence.
        files: `frames`, `masks`, then sets of bodies by name: stores in the order of the examples.
        regressor: reads the joints of all bodies: the one they were refined with.
        outputs: picture files, in the order of the examples.
        dpi: resolution.

    Raises:
        ConfigError: an example asks for a row that its sequence does not have.
    """
    for index, (example, path) in enumerate(zip(examples, outputs, strict=True)):
        panels = _frames(body, example, {name: paths[index] for name, paths in files.items()}, regressor)
        save(overlays.overlay(panels, f"{example.subject}, {example.action}"), path, dpi=dpi)


def draw_ablations(
    body: Body,
    examples: Sequence[Example],
    files: Mapping[str, Sequence[str]],
    regressor: Regressor,
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """The first row of every example with the bodies of all variants; arguments as `draw_overlays`."""
    frames = [
        first_frame(body, example, {name: paths[index] for name, paths in files.items()}, regressor)
        for index, example in enumerate(examples)
    ]
    save(overlays.ablations(frames), *outputs, dpi=dpi)


def draw_fit(
    body: Body,
    frame: DrawnFrame,
    intrinsics: np.ndarray,
    regressor: Regressor,
    way: "Trajectory",
    output: str,
) -> None:
    """The fit of one frame as a GIF.

    Args:
        body: the body model.
        frame: from `first_frame`.
        intrinsics: K of its crop, pixels, (1, 3, 3).
        regressor: reads the joints: the one of the fit.
        way: the body on its way.
        output: the GIF.
    """
    frame = replace(frame, title=frame.title.replace("\n", ", "))
    drawn = _drawn(body, way.bodies, np.repeat(intrinsics, len(way.iterations), axis=0), regressor)
    save_gif(animate(Fit(frame, drawn, way.iterations, way.energies)), output)


def first_frame(
    body: Body, example: Example, files: Mapping[str, str], regressor: Regressor
) -> DrawnFrame:
    """The first row of an example, named in full; `files`: frames, masks, then bodies by name.

    Raises:
        ConfigError: the sequence does not have that row.
    """
    one = replace(example, frames=example.frames[:1])
    (frame,) = _frames(body, one, files, regressor)
    return replace(frame, title=f"{example.subject} {example.action}\n{frame.title}")


def draw_energies(files: Mapping[str, Sequence[str]], outputs: Sequence[str], dpi: int) -> None:
    """Energies over the iterations, a line a variant; `files` are stores ENERGIES by variant."""
    energies = {}
    for variant, paths in files.items():
        read = [stores.ENERGIES.read(path) for path in paths]
        energies[variant] = read[0].iteration, np.concatenate([store.energies for store in read])
    save(curves.energy_curves(energies), *outputs, dpi=dpi)


def draw_discriminators(files: Mapping[str, str], outputs: Sequence[str], dpi: int) -> None:
    """How the discriminators were trained; `files` are records of `train_discriminator` by variant."""
    trainings = {}
    for variant, path in files.items():
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        right = np.array([[turn["initial"], turn["refined"]] for turn in record["rounds"]])
        trainings[variant] = curves.DiscriminatorTraining(np.array(record["losses"]), right)
    save(curves.discriminator_curves(trainings), *outputs, dpi=dpi)


def draw_variants(table: str | Path, outputs: Sequence[str], dpi: int) -> None:
    """Changes from `full` as dots, from variants.csv."""
    save(curves.variant_changes(read_table(table)), *outputs, dpi=dpi)


def draw_examples(
    body: Body,
    examples: Sequence[Example],
    files: Mapping[str, Sequence[str]],
    regressor: Regressor,
    teaser: Sequence[str],
    triplets: Sequence[str],
    dpi: int,
) -> None:
    """The first example as a teaser, all as triplets, a row each; arguments as `draw_overlays`."""
    frames = [
        first_frame(body, example, {name: paths[index] for name, paths in files.items()}, regressor)
        for index, example in enumerate(examples)
    ]
    save(overlays.teaser(frames[0]), *teaser, dpi=dpi)
    save(overlays.triplets(frames), *triplets, dpi=dpi)


def draw_joint_estimates(
    body: Body,
    examples: Sequence[Example],
    files: Mapping[str, Sequence[str]],
    regressors: Mapping[str, Regressor],
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """Joints that regressors read off the refined body of the first row of every example.

    Args:
        body: the body model.
        examples: which sequences.
        files: `frames`, `masks` and `refined`: stores in the order of the examples.
        regressors: by name.
        outputs: picture files.
        dpi: resolution.
    """
    frames = []
    for index, example in enumerate(examples):
        paths = {name: paths[index] for name, paths in files.items()}
        read = {
            TABLE_1[name]: first_frame(body, example, paths, regressor)
            for name, regressor in regressors.items()
        }
        bodies = {name: frame.bodies["refined"] for name, frame in read.items()}
        frames.append(replace(next(iter(read.values())), bodies=bodies))
    save(overlays.joint_estimates(frames), *outputs, dpi=dpi)


def draw_errors(
    table: str | Path, by: str, methods: Mapping[str, Method], outputs: Sequence[str], dpi: int
) -> None:
    """Error of every joint or action as dots, from `by_joint.csv` or `by_action.csv`."""
    rows = read_table(table)
    save(error_dots.errors_by(rows[rows[by] != MEAN], by, methods), *outputs, dpi=dpi)


def draw_errors_on_body(
    body: Body,
    table: str | Path,
    method: str,
    regressor: Regressor,
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """Error of every joint as a disc on the T-pose, from `by_joint.csv`.

    Args:
        body: the body model.
        table: the CSV.
        method: whose errors.
        regressor: puts the discs in their place.
        outputs: picture files.
        dpi: resolution.
    """
    rows = read_table(table)
    rows = rows[(rows["method"] == method) & (rows["metric"] == "mpjpe") & (rows["joint"] != MEAN)]
    errors = {
        name: part.set_index("joint")["value_mm"].loc[list(regressor.joint_names)].to_numpy()
        for name, part in rows.groupby("regressor", sort=False)
    }
    figure = errors_on_body(body.template, body.faces, regressor.apply(body.template[None])[0], errors)
    save(figure, *outputs, dpi=dpi)


def draw_joint_marks(
    body: Body,
    regressors: Mapping[str, Regressor],
    true_regressor: np.ndarray,
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """Joints of Table I's regressors on the T-pose beside the true ones (`J_true`, (17, V))."""
    joints = {
        TABLE_1[name]: regressor.weights @ body.template
        for name, regressor in regressors.items()
        if name in TABLE_1
    }
    joints["true"] = true_regressor @ body.template
    save(joint_marks(body.template, body.faces, joints), *outputs, dpi=dpi)


def draw_table(
    table: str | Path,
    paper_values: "pd.DataFrame | None",
    methods: Mapping[str, Method],
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """Table I as dots, from its CSV."""
    save(error_dots.table_1_plot(read_table(table), methods, paper_values), *outputs, dpi=dpi)


def draw_support(
    body: Body, regressors: Mapping[str, Regressor], outputs: Sequence[str], dpi: int
) -> None:
    """Vertices that each regressor of Table I uses, on the mesh, from front and side."""
    weights = {TABLE_1[name]: one.weights for name, one in regressors.items() if name in TABLE_1}
    save(regressor_support(body.template, body.faces, weights), *outputs, dpi=dpi)


def _frames(
    body: Body, example: Example, files: Mapping[str, str], regressor: Regressor
) -> list[DrawnFrame]:
    """Every row of an example; `files`: frames, masks, then bodies by name."""
    frames = stores.FRAMES.read(files["frames"])
    rows = np.array(example.frames)
    if rows.max() >= len(frames.frame):
        raise ConfigError(
            f"examples: {example.subject} {example.action} asks for row {rows.max()}, "
            f"the sequence has rows 0 to {len(frames.frame) - 1}"
        )
    masks = stores.MASKS.read(files["masks"]).masks
    intrinsics, names = frames.crop_intrinsics[rows], frames.attrs["camera_names"]
    bodies = {}
    for name in [name for name in files if name not in ("frames", "masks")]:
        chosen = {key: value[rows] for key, value in stores.BODIES.read(files[name]).items()}
        bodies[name] = _drawn(body, chosen, intrinsics, regressor)
    return [
        DrawnFrame(
            title=f"camera {names[frames.camera[row]]}, frame {frames.frame[row]}",
            crop=frames.crops[row],
            mask=masks[row],
            labels_px=frames.joints_px[row],
            bodies={name: drawn[at] for name, drawn in bodies.items()},
            joint_set=joint_set_of(frames.attrs),
        )
        for at, row in enumerate(rows)
    ]


def _drawn(
    body: Body, bodies: Mapping[str, np.ndarray], intrinsics: np.ndarray, regressor: Regressor
) -> list[DrawnBody]:
    """Bodies posed, rendered and read, one a row."""
    vertices = body.vertices(**bodies)
    of_bodies = (
        mesh_coverage(vertices, body.faces, intrinsics),
        shaded(vertices, body.faces, intrinsics),
        project_pinhole(regressor.apply(vertices), intrinsics),
    )
    return [DrawnBody(*one) for one in zip(*of_bodies, strict=True)]
