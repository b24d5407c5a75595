"""From stores to picture files: reads what a figure shows, calls the figure, saves it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from jointreg import figures, stores
from jointreg.agreement import rendered
from jointreg.body import Body
from jointreg.camera import project_pinhole
from jointreg.errors import ConfigError
from jointreg.mesh_figures import regressor_support
from jointreg.regressor import Regressor
from jointreg.sequences import Example, Method


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
        files: `frames`, `masks`, `initial`, `refined`: stores in the order of the examples.
        regressor: reads the joints of all bodies: the one they were refined with.
        outputs: picture files, in the order of the examples.
        dpi: resolution.

    Raises:
        ConfigError: an example asks for a row that its sequence does not have.
    """
    for index, (example, path) in enumerate(zip(examples, outputs, strict=True)):
        frames = stores.FRAMES.read(files["frames"][index])
        rows = np.array(example.frames)
        if rows.max() >= len(frames.frame):
            raise ConfigError(
                f"examples: {example.subject} {example.action} asks for row {rows.max()}, "
                f"the sequence has rows 0 to {len(frames.frame) - 1}"
            )
        masks = stores.MASKS.read(files["masks"][index]).masks[rows]
        intrinsics, names = frames.crop_intrinsics[rows], frames.attrs["camera_names"]
        seen = {}
        for name in ("initial", "refined"):
            store = stores.BODIES.read(files[name][index])
            chosen = {key: value[rows] for key, value in store.items()}
            joints = regressor.apply(body.vertices(**chosen))
            seen[name] = (
                rendered(body, chosen, intrinsics),
                project_pinhole(joints, intrinsics),
            )
        panels = [
            figures.Example(
                title=f"camera {names[frames.camera[row]]}, frame {frames.frame[row]}",
                crop=frames.crops[row],
                mask=masks[at],
                labels_px=frames.joints_px[row],
                initial=seen["initial"][0][at],
                refined=seen["refined"][0][at],
                initial_px=seen["initial"][1][at],
                refined_px=seen["refined"][1][at],
            )
            for at, row in enumerate(rows)
        ]
        figures.save(figures.overlay(panels, f"{example.subject}, {example.action}"), path, dpi)


def draw_energies(files: Mapping[str, Sequence[str]], outputs: Sequence[str], dpi: int) -> None:
    """Energies over the iterations, a line a variant; `files` are stores ENERGIES by variant."""
    curves = {}
    for variant, paths in files.items():
        read = [stores.ENERGIES.read(path) for path in paths]
        curves[variant] = read[0].iteration, np.concatenate([store.energies for store in read])
    _save(figures.energy_curves(curves), outputs, dpi)


def draw_errors(
    errors: Mapping[str, Sequence[str]], methods: Mapping[str, Method], outputs: Sequence[str], dpi: int
) -> None:
    """Mean error of every joint; `errors` are stores ERRORS of all test subjects by method."""
    means = {}
    for method, paths in errors.items():
        read = [stores.ERRORS.read(path) for path in paths]
        total = np.concatenate([store.mpjpe for store in read], axis=1).mean(axis=1, dtype=np.float64)
        means[method] = {
            name: 1e3 * row
            for name, row in zip(read[0].attrs["regressors"], total, strict=True)
            if name in ("std", "spin", "opt_full")
        }
    _save(figures.joint_errors(means, methods), outputs, dpi)


def draw_table(
    table: str | Path,
    paper: "pd.DataFrame | None",
    methods: Mapping[str, Method],
    outputs: Sequence[str],
    dpi: int,
) -> None:
    """Table I as dots, from its CSV."""
    _save(figures.table_1_plot(pd.read_csv(table), methods, paper), outputs, dpi)


def draw_support(
    body: Body, regressors: Mapping[str, Regressor], outputs: Sequence[str], dpi: int
) -> None:
    """Vertices that each regressor uses, on the mesh, from front and side."""
    weights = {name: regressor.weights for name, regressor in regressors.items()}
    _save(regressor_support(body.template, body.faces, weights), outputs, dpi)


def _save(figure: "figures.Figure", outputs: Sequence[str], dpi: int) -> None:
    for path in outputs:
        figures.save(figure, path, dpi)
