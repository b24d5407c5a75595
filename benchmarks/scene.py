"""Bodies, masks, labels and meshes for the benchmarks of the optimisation core."""

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from jointreg.body import Body, load_body
from jointreg.config import Optimize, read_yaml
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine import Sample
from jointreg.silhouette import Topology, coverage

ROOT = Path(__file__).resolve().parent.parent
SIZE = 224


def peak_mb() -> float:
    """Largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def settings(**changes: object) -> Optimize:
    """The block `optimize` of config/config.yaml with some keys changed."""
    return Optimize(**read_yaml(ROOT / "config" / "config.yaml")["optimize"] | changes)


class Scene:
    """Random bodies in front of cameras whose crops they fill, with exact masks and labels."""

    def __init__(self, count: int, size: int = SIZE, body: Body | None = None) -> None:
        self.body = load_body("open") if body is None else body
        generator = np.random.default_rng(0)
        pose = generator.normal(0, 0.3, (count, 24, 3))
        self.rotations = from_axis_angle(pose).astype(np.float32)
        turn = np.stack([0 * pose[:, 0, 0], generator.uniform(-3, 3, count), 0 * pose[:, 0, 0]], axis=1)
        self.rotations[:, 0] = np.diag([1.0, -1.0, -1.0]) @ from_axis_angle(turn)
        self.betas = generator.normal(size=(count, 10)).astype(np.float32)
        self.translation = generator.uniform([-0.1, -0.1, 3], [0.1, 0.1, 5], (count, 3)).astype(
            np.float32
        )
        self.intrinsics = np.tile(np.eye(3), (count, 1, 1))
        self.intrinsics[:, [0, 1], [0, 1]] = 90 * size / SIZE * self.translation[:, 2:]
        self.intrinsics[:, :2, 2] = (size - 1) / 2
        self.regressor = np.zeros((17, self.body.n_vertices))
        for row in self.regressor:
            row[generator.choice(self.body.n_vertices, 20, replace=False)] = 1 / 20
        self.topology = Topology(self.body.faces)
        self.points, self.depth = self._project(self.rotations)
        wrong = from_axis_angle(generator.normal(0, 0.08, (count, 24, 3)))
        self.start = {
            "rotations": (self.rotations @ wrong).astype(np.float32),
            "betas": (self.betas + generator.normal(0, 0.5, self.betas.shape)).astype(np.float32),
        }
        self.masks, joints = [], []
        for first in range(0, count, 64):
            rows = slice(first, first + 64)
            vertices = self.body.vertices(self.rotations[rows], self.betas[rows], self.translation[rows])
            covered = coverage(self.points[rows], self.topology, size).numpy()
            self.masks.append((covered * 255).round().astype(np.uint8))
            joints.append(np.einsum("jv,nvc->njc", self.regressor, vertices))
        self.masks, self.joints = np.concatenate(self.masks), np.concatenate(joints)
        self.shifted = np.roll(self.masks, 1, axis=0)

    def parameters(self) -> list[torch.Tensor]:
        """Rotations, betas and translation as leaves, float64."""
        arrays = self.rotations, self.betas, self.translation
        return [torch.from_numpy(value).double().requires_grad_(True) for value in arrays]

    def problem(self) -> tuple[Body, Sample, np.ndarray]:
        """First arguments of `jointreg.refine.refine_sample`."""
        sample = Sample(self.start, self.joints, self.masks, self.intrinsics)
        return self.body, sample, self.regressor

    def _project(self, rotations: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Image points with frames innermost in memory, as `Skinner` makes them, and their depth."""
        points, depth = [], []
        for first in range(0, len(rotations), 64):
            rows = slice(first, first + 64)
            vertices = self.body.vertices(rotations[rows], self.betas[rows], self.translation[rows])
            points.append(project_pinhole(vertices, self.intrinsics[rows]).astype(np.float32))
            depth.append(vertices[..., 2])
        together = torch.from_numpy(np.concatenate(points))
        inner = together.permute(1, 2, 0).contiguous().permute(2, 0, 1)
        return inner, torch.from_numpy(np.concatenate(depth))


def smplx_posing(body: Body) -> Callable[..., torch.Tensor]:
    """Posing by smplx in float64, same arguments as `Skinner.vertices`."""
    from smplx.lbs import lbs

    template = torch.from_numpy(body.template)[None].double()
    constants = (
        torch.from_numpy(body.shape_directions).double(),
        torch.from_numpy(body.pose_directions.reshape(len(body.pose_directions), -1)).double(),
        torch.from_numpy(body.joint_regressor).double(),
        torch.from_numpy(body.parents),
        torch.from_numpy(body.skinning_weights).double(),
    )

    def pose(rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
        still = template.expand(len(betas), -1, -1)
        return lbs(betas, rotations, still, *constants, pose2rot=False)[0] + translation[:, None]

    return pose


def subdivided(body: Body) -> Body:
    """The body with every edge split: four times the faces, the same surface."""
    edges = Topology(body.faces).edges[:, :2].astype(np.int64)
    key = {tuple(sorted(edge)): body.n_vertices + n for n, edge in enumerate(edges.tolist())}

    def split(values: np.ndarray, axis: int = 0) -> np.ndarray:
        moved = np.moveaxis(values, axis, 0)
        middle = 0.5 * (moved[edges[:, 0]] + moved[edges[:, 1]])
        return np.moveaxis(np.concatenate([moved, middle]), 0, axis).astype(values.dtype)

    faces = []
    for a, b, c in body.faces.tolist():
        ab, bc, ca = (key[tuple(sorted(pair))] for pair in ((a, b), (b, c), (c, a)))
        faces += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    weights = split(body.skinning_weights)
    regressor = np.zeros((len(body.joint_regressor), len(weights)), body.joint_regressor.dtype)
    regressor[:, : body.n_vertices] = body.joint_regressor
    return replace(
        body,
        template=split(body.template),
        faces=np.array(faces, dtype=body.faces.dtype),
        shape_directions=split(body.shape_directions),
        pose_directions=split(body.pose_directions, 1),
        skinning_weights=weights,
        joint_regressor=regressor,
    )


def globe(vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere of about so many vertices: points (V, 3) and faces (F, 3)."""
    rings = round(np.sqrt(vertices / 2))
    around = 2 * rings
    polar = np.pi * (np.arange(1, rings + 1)) / (rings + 1)
    turn = 2 * np.pi * np.arange(around) / around
    rows = np.stack(
        [
            np.outer(np.sin(polar), np.cos(turn)),
            np.outer(np.sin(polar), np.sin(turn)),
            np.repeat(np.cos(polar)[:, None], around, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([rows, [[0, 0, 1], [0, 0, -1]]])
    top, bottom = len(rows), len(rows) + 1
    faces = []
    for k in range(around):
        after = (k + 1) % around
        faces.append((top, k, after))
        last = (rings - 1) * around
        faces.append((bottom, last + after, last + k))
        for ring in range(rings - 1):
            a, b = ring * around, (ring + 1) * around
            faces += [(a + k, b + k, b + after), (a + k, b + after, a + after)]
    return points, np.array(faces, dtype=np.int32)
