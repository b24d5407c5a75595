"""The regressor's fit on meshes of other sizes, one thread: `python benchmarks/meshes.py`.

A planted regressor with 10 mm of label noise is fitted again on the open body, on the open body with
some faces split in three, to the 10,475 vertices of SMPL-X, and on anny's own mesh. anny has another
topology, skeleton and skinning; it is left out where it is not installed (docs/open_body.md says how it
is, in an environment of its own). CPU time; memory beyond what the process held before.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from regressor import (
    BATCH,
    NOISE_M,
    ROOT,
    planted_regressor,
    random_bodies,
    reset_peak,
    resident_mb,
    show,
)

from jointreg.body import Body, load_body
from jointreg.config import FitRegressor, load, read_yaml
from jointreg.regressor import Statistics, fit_regressor

SMPLX_VERTICES = 10_475


@dataclass(frozen=True)
class Mesh:
    """A body model, as far as the fit knows one."""

    name: str
    template: np.ndarray
    """Rest pose, metres, (V, 3)."""
    pose: Callable[[np.random.Generator, int], np.ndarray]
    """Random bodies 4.5 m from the camera, metres, (n, V, 3)."""


def finer(body: Body, vertices: int) -> Body:
    """The same body, some faces split in three at their centres, which move as the corners do.

    Args:
        body: V vertices, F faces.
        vertices: from V to V + F.
    """
    extra = vertices - body.n_vertices
    split = np.linspace(0, len(body.faces) - 1, extra).astype(int)
    corners, centre = body.faces[split], body.n_vertices + np.arange(extra)
    parts = [np.column_stack([corners[:, k], corners[:, (k + 1) % 3], centre]) for k in range(3)]
    faces = np.concatenate([np.delete(body.faces, split, axis=0), *parts]).astype(body.faces.dtype)

    def more(values: np.ndarray, axis: int = 0) -> np.ndarray:
        added = np.take(values, corners.T, axis=axis).mean(axis=axis)
        return np.concatenate([values, added.astype(values.dtype)], axis=axis)

    carries = np.zeros((len(body.joint_regressor), extra), body.joint_regressor.dtype)
    return replace(
        body,
        template=more(body.template),
        shape_directions=more(body.shape_directions),
        pose_directions=more(body.pose_directions, axis=1),
        skinning_weights=more(body.skinning_weights),
        joint_regressor=np.concatenate([body.joint_regressor, carries], axis=1),
        faces=faces,
        mirror=None,
    )


def of_body(name: str, body: Body) -> Mesh:
    """A mesh of SMPL's skeleton."""

    def pose(generator: np.random.Generator, count: int) -> np.ndarray:
        bodies = random_bodies(generator, count)
        return body.vertices(bodies.rotations, bodies.betas, bodies.translation)

    return Mesh(name, body.template, pose)


def anny_mesh() -> Mesh | None:
    """The whole mesh of anny with its 104 bones, adults of any stature; None where not installed."""
    try:
        import anny
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    model = anny.Anny(phenotypes="all", skinning_method="lbs", phenotype_blendshapes="original")
    bones = len(model.bone_labels)

    def pose(generator: np.random.Generator, count: int) -> np.ndarray:
        from jointreg.geometry.rotations import from_axis_angle

        turns = np.tile(np.eye(4), (count, bones, 1, 1))
        turns[..., :3, :3] = from_axis_angle(generator.normal(0, 0.15, (count, bones, 3)))
        people = {"age": generator.uniform(0.66, 0.95, count)}
        people |= {
            name: generator.uniform(0, 1, count) for name in ("gender", "muscle", "weight", "height")
        }
        with torch.no_grad():
            out = model(
                torch.as_tensor(turns, dtype=torch.float32),
                {name: torch.as_tensor(value, dtype=torch.float32) for name, value in people.items()},
            )
        away = generator.normal([0, 0, 4.5], [0.2, 0.1, 0.3], (count, 1, 3))
        return (out["vertices"].numpy() + away).astype(np.float32)

    return Mesh("anny", model.template_vertices.numpy(), pose)


def meshes() -> Iterator[Mesh]:
    """Smallest first: memory that one leaves behind is not counted for the next."""
    body = load_body("open")
    yield of_body("open body", body)
    yield of_body("open body, SMPL-X's size", finer(body, SMPLX_VERTICES))
    theirs = anny_mesh()
    if theirs is None:
        show("anny", "not installed")
    else:
        yield theirs


def measure(mesh: Mesh, frames: int, settings: FitRegressor) -> str:
    """Cost of the fit, and distance of predicted from planted joints on unseen bodies."""
    planted = planted_regressor(mesh.template, np.random.default_rng(1))
    generator, label_generator = np.random.default_rng(3), np.random.default_rng(4)
    used = np.flatnonzero(planted.any(axis=0))
    reset_peak()
    before, spent = resident_mb("VmRSS"), 0.0
    stats = Statistics(len(mesh.template))
    for begin in range(0, frames, BATCH):
        posed = mesh.pose(generator, min(BATCH, frames - begin))
        joints = np.matmul(planted[:, used], posed[:, used])
        joints += label_generator.normal(0, NOISE_M / np.sqrt(3), joints.shape)
        start = time.process_time()
        stats.add(posed, joints)
        spent += time.process_time() - start
    start = time.process_time()
    found = fit_regressor(stats, settings)
    solving = time.process_time() - start
    peak = resident_mb("VmHWM") - before
    unseen = mesh.pose(np.random.default_rng(2), BATCH)
    away = np.matmul(found.weights - planted, unseen)
    absolute = 1e3 * np.linalg.norm(away, axis=2).mean()
    relative = 1e3 * np.linalg.norm(away - away[:, :1], axis=2)[:, 1:].mean()
    cost = f"{1e3 * spent / frames:5.1f} ms a frame  {solving:5.2f} s solver  {peak:5.0f} MB"
    error = f"{absolute:5.2f} mm absolute  {relative:5.2f} mm root-relative"
    return f"{len(mesh.template):6d} vertices  {cost}  {error}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2048, help="frames of the fits")
    options = parser.parse_args()
    settings = load(read_yaml(ROOT / "config/config.yaml")).fit_regressor_opt
    print(f"planted regressor, {options.frames} frames, translation absolute, unseen bodies")
    for mesh in meshes():
        show(mesh.name, measure(mesh, options.frames, settings))


if __name__ == "__main__":
    main()
