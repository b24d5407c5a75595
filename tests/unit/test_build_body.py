"""The pure parts of tools/build_open_body.py; building itself needs packages of its own."""

from dataclasses import replace

import build_open_body
import numpy as np
import pytest
import rigging
from anny_adults import FLIP, OTHER_SIDE, Adults, joint_of

from jointreg.errors import DataError
from jointreg.geometry.rotations import angle_between, from_axis_angle
from jointreg.skeleton import SMPL_24

TETRAHEDRON = (
    np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]),
    np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]),
)
OCTAHEDRON = (
    np.concatenate([np.eye(3), -np.eye(3)]),
    np.array([[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]]),
)


def test_the_shipped_body_is_its_own_mirror_image_in_every_array(body):
    for name, one, other in build_open_body.both_sides(body):
        assert np.array_equal(one, other), name


@pytest.mark.parametrize(
    ("bone", "joint"),
    [
        ("root", "pelvis"),
        ("spine04", "pelvis"),
        ("spine01", "spine3"),
        ("shoulder01.R", "right_collar"),
        ("upperarm02.L", "left_shoulder"),
        ("metacarpal3.R", "right_wrist"),
        ("finger1-3.L", "left_wrist"),
        ("finger2-1.L", "left_hand"),
        ("toe5-2.R", "right_foot"),
        ("eye.L", "head"),
    ],
)
def test_bones_of_anny_go_to_the_joint_that_moves_them(bone, joint):
    assert joint_of(bone) == joint


def test_an_unknown_bone_is_refused():
    with pytest.raises(DataError, match="tail01"):
        joint_of("tail01")


def test_a_point_over_a_face_keeps_its_barycentric_coordinates(body, generator):
    chosen = generator.choice(len(body.faces), 200, replace=False)
    share = generator.dirichlet([2, 2, 2], 200)
    template = body.template.astype(np.float64)
    points = np.einsum("pk,pkx->px", share, template[body.faces[chosen]])
    corners, found = rigging.closest_on_surface(points, template, body.faces)
    back = np.einsum("pk,pkx->px", found, template[corners])
    assert np.abs(back - points).max() < 1e-9
    assert found.min() > -1e-9
    assert np.allclose(found.sum(axis=1), 1)


def test_the_nearest_point_of_a_triangle_beats_every_point_of_a_grid(generator):
    triangle, points = generator.normal(size=(3, 3)), generator.normal(0, 2, (100, 3))
    corners, share = rigging.closest_on_surface(points, triangle, np.array([[0, 1, 2]]))
    distance = np.linalg.norm(np.einsum("pk,pkx->px", share, triangle[corners]) - points, axis=1)
    grid = np.array([(a, b, 100 - a - b) for a in range(101) for b in range(101 - a)]) / 100
    best = np.linalg.norm(points[:, None] - grid @ triangle, axis=-1).min(axis=1)
    assert (distance < best + 1e-9).all()
    assert (best - distance).max() < 0.02
    assert share.min() >= 0


def test_weights_that_tie_with_the_fifth_go_together():
    weights = np.array([[0.3, 0.3, 0.1, 0.1, 0.1, 0.1], [0.5, 0.2, 0.15, 0.1, 0.05, 0.0]])
    kept = rigging.four_weights(weights)
    assert np.allclose(kept[0], [0.5, 0.5, 0, 0, 0, 0])
    assert np.allclose(kept[1], np.array([0.5, 0.2, 0.15, 0.1, 0, 0]) / 0.95)


def test_turning_takes_a_direction_the_shortest_way(generator):
    start, end = generator.normal(size=(2, 50, 3))
    start, end = (d / np.linalg.norm(d, axis=1, keepdims=True) for d in (start, end))
    rotation = rigging.turning(2 * start, end)
    assert np.allclose(np.einsum("nab,nb->na", rotation, start), end)
    assert np.allclose(
        angle_between(rotation, np.eye(3)), np.arccos((start * end).sum(axis=1)), atol=1e-6
    )


def test_bone_transforms_are_those_of_the_body(body, generator):
    rotations = from_axis_angle(generator.normal(0, 0.5, (5, 24, 3)))
    rotations[:, 0] = np.eye(3)
    betas = generator.normal(size=(5, 10))
    turned, position = body.transforms(rotations, betas)
    rest = body.rest_joints(betas)
    maps = rigging.bone_transforms(turned, rest, body.parents)
    assert np.allclose((maps[..., :3] @ rest[..., None])[..., 0] + maps[..., 3], position, atol=1e-6)


def test_the_t_pose_has_level_arms_and_legs_below_the_hips(body, generator):
    joints = body.joints(from_axis_angle(generator.normal(0, 0.15, (4, 24, 3))), np.zeros((4, 10)))
    joints = 0.5 * (joints + joints[:, OTHER_SIDE] * FLIP)
    turned = build_open_body.t_pose_rotations(joints)
    maps = rigging.bone_transforms(turned, joints, build_open_body.PARENTS)
    posed = (maps[..., :3] @ joints[..., None])[..., 0] + maps[..., 3]
    at = {name: posed[:, index] for index, name in enumerate(SMPL_24)}
    for side, sign in (("left", 1), ("right", -1)):
        arm = np.stack([at[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")], axis=1)
        assert np.abs(np.diff(arm[..., 1:], axis=1)).max() < 1e-6
        assert (sign * np.diff(arm[..., 0], axis=1) > 0.05).all()
        leg = at[f"{side}_ankle"] - at[f"{side}_hip"]
        assert np.abs(leg[:, 0]).max() < 1e-6
        assert (leg[:, 1] < -0.5).all()


def test_smooth_skinning_leaves_a_rigid_motion_alone(body, generator):
    step = rigging.smoothing(body.faces, body.n_vertices)
    assert np.allclose(step.sum(axis=1), 1)
    mush = rigging.DeltaMush(body.template, body.skinning_weights, step)
    motion = np.concatenate(
        [from_axis_angle(generator.normal(size=3)), generator.normal(size=(3, 1))], 1
    )
    assert np.abs(mush.offsets(np.tile(motion, (24, 1, 1)))).max() < 1e-5


def test_smooth_skinning_rounds_a_bent_tube():
    # Two bones along x meet at the origin; the second bends by 1.5 radians about z.
    along, around = np.linspace(-1, 1, 81), np.linspace(0, 2 * np.pi, 24, endpoint=False)
    x, turn = np.meshgrid(along, around, indexing="ij")
    rest = np.stack([x, 0.2 * np.cos(turn), 0.2 * np.sin(turn)], axis=-1).reshape(-1, 3)
    index = np.arange(len(rest)).reshape(x.shape)
    low, high, next_low = index[:-1], index[1:], np.roll(index, -1, axis=1)[:-1]
    faces = np.stack([low, high, next_low], axis=-1).reshape(-1, 3)
    second = np.clip(0.5 + x.reshape(-1) / 0.1, 0, 1)
    weights = np.stack([1 - second, second], axis=1)
    bend = np.concatenate([from_axis_angle(np.array([0.0, 0.0, 1.5])), np.zeros((3, 1))], axis=1)
    transforms = np.stack([np.eye(3, 4), bend])
    offsets = rigging.DeltaMush(rest, weights, rigging.smoothing(faces, len(rest))).offsets(transforms)
    blend = (weights @ transforms.reshape(2, 12)).reshape(-1, 3, 4)[:, :, :3]

    def sharpest(unposed):
        line = (blend @ unposed[..., None])[index[:, 12], :, 0]  # the outside of the bend
        step = np.diff(line, axis=0)
        return np.diff(np.arctan2(step[:, 1], step[:, 0])).max()

    assert sharpest(rest + offsets) < 0.7 * sharpest(rest)


def test_a_joint_reaches_only_the_skin_that_it_bends(body):
    step = rigging.smoothing(body.faces, body.n_vertices)
    reach = rigging.reach(body.skinning_weights, body.parents, step)
    joints = body.rest_joints(np.zeros((1, 10)))[0]
    elbow = SMPL_24.index("left_elbow")
    distance = np.linalg.norm(body.template - joints[elbow], axis=1)
    assert reach[distance.argmin(), elbow - 1]
    assert distance[reach[:, elbow - 1]].max() < 0.25


def test_planted_correctives_are_found_where_allowed(generator):
    features = generator.normal(size=(60, 18))
    truth = generator.normal(size=(18, 5, 3))
    allowed = np.array([[1, 1], [1, 0], [1, 0], [0, 1], [0, 0]], dtype=bool)
    truth *= np.repeat(allowed.T, 9, axis=0)[..., None]
    offsets = np.tensordot(features, truth, axes=1)
    found = rigging.pose_correctives(features, offsets, allowed, ridge=1e-9)
    assert np.abs(found - truth).max() < 1e-8


def test_mirrored_correctives_belong_to_the_mirrored_pose(body, generator):
    correctives = generator.normal(0, 0.01, body.pose_directions.shape)
    flipped = build_open_body.mirrored_correctives(correctives, body.mirror)
    rotations = from_axis_angle(generator.normal(0, 0.5, (1, 24, 3)))
    other_pose = rotations[:, OTHER_SIDE] * np.outer(FLIP, FLIP)
    none = np.zeros((1, 10))
    one = replace(body, pose_directions=correctives).vertices(rotations, none)
    other = replace(body, pose_directions=flipped).vertices(other_pose, none)
    assert np.abs(one[:, body.mirror] * FLIP - other).max() < 1e-5


def test_planted_directions_come_back_with_unit_standard_deviation(generator):
    shapes, _ = np.linalg.qr(generator.normal(size=(60, 2)))
    scores = generator.normal(size=(500, 2)) * [3.0, 0.5]
    mean, directions = rigging.principal_directions((scores @ shapes.T + 1).reshape(500, 20, 3), 2)
    assert np.allclose(mean.ravel(), scores.mean(axis=0) @ shapes.T + 1)
    flat = directions.reshape(60, 2)
    betas = (scores - scores.mean(axis=0)) @ shapes.T @ flat / (flat**2).sum(axis=0)
    assert np.allclose(betas.std(axis=0, ddof=1), 1)
    assert np.allclose(np.abs(betas.T @ betas) / 499, np.eye(2), atol=1e-9)


def test_a_planted_joint_row_places_the_joint(body, generator):
    betas = generator.normal(size=(40, 10))
    people = body.template + np.moveaxis(body.shape_directions @ betas.T, -1, 0)
    knee = body.rest_joints(np.zeros((1, 10)))[0, SMPL_24.index("left_knee")]
    near = np.argsort(np.linalg.norm(body.template - knee, axis=1))[:80]
    joint = generator.dirichlet(np.ones(80)) @ people[:, near]
    row = rigging.joint_row(people, joint)
    assert row.min() >= 0
    assert row.sum() == pytest.approx(1)
    assert np.abs(row @ people - joint).max() < 1e-5


def test_volume_and_folds_of_solids_known_from_school():
    tetrahedron, octahedron = TETRAHEDRON, OCTAHEDRON
    assert rigging.volume(*tetrahedron) == pytest.approx(8 / 3)
    assert rigging.volume(*octahedron) == pytest.approx(4 / 3)
    # Their faces' normals differ by 109.5 and 70.5 degrees.
    assert rigging.folded(*tetrahedron) == 1
    assert rigging.folded(*octahedron) == 0


@pytest.mark.parametrize("damage", ["none", "flipped face", "lopsided", "row sum"])
def test_the_final_check_sees_damage(body, generator, damage):
    betas = generator.normal(size=(3, 10))
    people = Adults(
        vertices=body.template + np.moveaxis(body.shape_directions @ betas.T, -1, 0),
        joints=body.rest_joints(betas),
        faces=body.faces,
        weights=body.skinning_weights,
        mirror=body.mirror,
    )
    about = {"flipped face": "closed", "lopsided": "between the sides", "row sum": "regressor: sums"}
    if damage == "flipped face":
        faces = body.faces.copy()
        faces[7] = faces[7, ::-1]
        body = replace(body, faces=faces)
    if damage == "lopsided":
        template = body.template.copy()
        template[np.flatnonzero(body.template[:, 0] > 0.1)[0], 1] += 1e-5
        body = replace(body, template=template)
    if damage == "row sum":
        body = replace(body, joint_regressor=1.001 * body.joint_regressor)
    findings = build_open_body.check(body, people, generator)
    failed = [text for text, good in findings if not good]
    for kind, words in about.items():
        assert any(words in text for text in failed) == (kind == damage)
