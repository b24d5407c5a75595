"""Motion, labels, J_std and simulated estimators of the open data set."""

from pathlib import Path

import numpy as np
import pytest
from project import ROOT
from worlds import world

from jointreg.body import Body
from jointreg.errors import ConfigError
from jointreg.geometry.rotations import angle_between, from_axis_angle, to_axis_angle
from jointreg.metrics import mpjpe, pa_mpjpe
from jointreg.skeleton import H36M_17, LIMB, rows
from jointreg.synthetic.labels import (
    anatomical_points,
    label_offsets,
    labelled_joints,
    slides,
    true_regressor,
    wandering,
)
from jointreg.synthetic.motion.actions import ACTIONS
from jointreg.synthetic.motion.kinematics import JOINT, SIDES, Figure, figure, turn
from jointreg.synthetic.motion.perform import perform
from jointreg.synthetic.motion.stances import seat_height
from jointreg.synthetic.parameters import Parameters, load_parameters, with_joints
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.simulated_estimators import View, shape_bias, simulate
from jointreg.synthetic.standard_regressor import fit_to_labels, random_bodies, standard_regressor
from jointreg.synthetic.subject import in_camera, performed

CONFIG = ROOT / "config" / "generator.yaml"
RATE = 25.0
DEMO = ("Directions", "Sitting", "Walking")
"""The actions of the demo, to which the targets of realism belong."""


@pytest.fixture(scope="module")
def true(body: Body, parameters: Parameters) -> np.ndarray:
    return true_regressor(body, parameters.labels)


@pytest.fixture(scope="module")
def standard(body: Body, true: np.ndarray, parameters: Parameters) -> np.ndarray:
    return standard_regressor(body, true, parameters, np.random.default_rng(0))


def _figure(body: Body, parameters: Parameters, subject: str) -> Figure:
    return figure(body, np.array(parameters.person(subject).betas))


def _perform(
    who: Figure, parameters: Parameters, action: str, take: int, times: np.ndarray, seed: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    stools = parameters.room.stools_m
    generator = np.random.default_rng(seed)
    return perform(who, action, take, times, parameters.motion, stools, generator)


def _own_bend(who: Figure, side: str) -> float:
    """Bend of the T-pose's knee in the sagittal plane, radians."""
    hip, knee, ankle = (who.rest[JOINT[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
    thigh, shin = knee - hip, ankle - knee
    return float(np.arctan2(thigh[2], -thigh[1]) - np.arctan2(shin[2], -shin[1]))


def _mesh(who: Figure, rotations: np.ndarray, translation: np.ndarray) -> np.ndarray:
    return who.body.vertices(rotations, np.tile(who.betas, (len(rotations), 1)), translation)


@pytest.mark.parametrize("action", DEMO)
@pytest.mark.parametrize("subject", ["S1", "S5", "S8"])
def test_feet_stand_on_the_floor_and_knees_and_elbows_bend_the_right_way(
    body: Body, parameters: Parameters, action: str, subject: str
) -> None:
    who = _figure(body, parameters, subject)
    times = np.arange(20) / 5
    for take in (0, 1):
        rotations, translation = _perform(who, parameters, action, take, times, seed=take)
        lowest = _mesh(who, rotations, translation)[..., 1].min(axis=1)
        assert np.abs(lowest).max() < 0.01
        # One joint bends about one axis, and never backwards.
        for side in SIDES:
            knee = to_axis_angle(rotations[:, JOINT[f"{side}_knee"]])
            assert _own_bend(who, side) + knee[:, 0].min() > 0.1  # never stretched out, let alone back
            assert np.abs(knee[:, 1:]).max() < 0.12
            elbow = to_axis_angle(rotations[:, JOINT[f"{side}_elbow"]])
            outward = -elbow[:, 1] if side == "left" else elbow[:, 1]
            assert outward.min() > 0
            assert outward.max() < np.radians(141)


def test_a_standing_foot_does_not_slide_while_walking(body: Body, parameters: Parameters) -> None:
    who = _figure(body, parameters, "S7")
    rotations, translation = _perform(who, parameters, "Walking", 0, np.arange(150) / 50)
    joints = body.joints(rotations, np.tile(who.betas, (150, 1)), translation)
    for side in SIDES:
        toe, ankle = joints[:, JOINT[f"{side}_foot"]], joints[:, JOINT[f"{side}_ankle"]]
        flat = np.abs(ankle[:, 1] - who.ankle_height) < 0.002
        still = flat[1:] & flat[:-1]
        assert still.sum() > 20
        speed = 50 * np.linalg.norm(np.diff(toe, axis=0), axis=1)[still]
        assert np.percentile(speed, 90) < 0.05  # a sliding foot would move at walking speed, 0.9 m/s


def test_actions_are_what_their_names_say(body: Body, parameters: Parameters) -> None:
    who = _figure(body, parameters, "S6")
    times = np.arange(100) / RATE
    joints, meshes = {}, {}
    for action in DEMO:
        rotations, translation = _perform(who, parameters, action, 0, times)
        joints[action] = body.joints(rotations, np.tile(who.betas, (100, 1)), translation)
        meshes[action] = _mesh(who, rotations[::20], translation[::20])
    pelvis = {action: joints[action][:, 0] for action in DEMO}
    travelled = {a: np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for a, p in pelvis.items()}
    assert travelled["Walking"] > 2.5
    assert travelled["Sitting"] < 0.05
    assert pelvis["Sitting"][:, 1].max() < 0.7 * pelvis["Directions"][:, 1].min()
    wrists = joints["Directions"][:, [JOINT["left_wrist"], JOINT["right_wrist"]], 1].max(axis=1)
    assert (wrists > joints["Directions"][:, JOINT["spine3"], 1]).mean() > 0.5
    # The lowest point over the stool is on its seat, neither in it nor above it.
    stool = np.array(parameters.room.stools_m[0])
    for mesh in meshes["Sitting"]:
        over = np.hypot(mesh[:, 0] - stool[0], -mesh[:, 2] - stool[1]) < 0.12
        assert abs(mesh[over, 1].min() - seat_height(who)) < 0.02


@pytest.mark.parametrize("action", ACTIONS)
def test_more_frames_show_more_of_the_same_take(body: Body, parameters: Parameters, action: str) -> None:
    who = _figure(body, parameters, "S1")
    short = _perform(who, parameters, action, 0, np.arange(10) / 5)
    long = _perform(who, parameters, action, 0, np.arange(40) / 10)
    np.testing.assert_allclose(long[0][:20:2], short[0], atol=1e-12)
    np.testing.assert_allclose(long[1][:20:2], short[1], atol=1e-12)


def test_takes_have_places_of_their_own(body: Body, parameters: Parameters) -> None:
    who = _figure(body, parameters, "S9")
    times = np.arange(16) / 5
    for action in ("Directions", "Sitting", "SittingDown", "Purchases"):
        places = [_perform(who, parameters, action, t, times, seed=t)[1].mean(axis=0) for t in (0, 1)]
        assert np.linalg.norm((places[0] - places[1])[[0, 2]]) > 0.6


def test_an_unknown_action_or_person_is_refused_by_name(body: Body, parameters: Parameters) -> None:
    who = _figure(body, parameters, "S1")
    with pytest.raises(ConfigError, match=r"'Juggling'.*Directions, Sitting, Walking"):
        _perform(who, parameters, "Juggling", 0, np.zeros(1))
    with pytest.raises(ConfigError, match=r"'S2'.*S1, S5"):
        parameters.person("S2")


def test_a_shape_bias_above_the_limit_is_refused(tmp_path: Path) -> None:
    text = CONFIG.read_text()
    changed = tmp_path / "generator.yaml"
    changed.write_text(text.replace("sim_spin: [-0.41,", "sim_spin: [-0.81,"))
    assert changed.read_text() != text
    with pytest.raises(ConfigError, match=r"shape_bias\.sim_spin"):
        load_parameters(changed)


def test_turning_the_parameters_turns_the_mesh(body: Body, parameters: Parameters) -> None:
    who = _figure(body, parameters, "S11")
    rotations, translation = _perform(who, parameters, "Directions", 0, np.arange(2) / 5)
    rotation = from_axis_angle(np.array([0.4, -1.1, 0.3]))
    shift = np.array([0.3, -2.0, 4.0])
    turned = turn(rotations, translation, who.rest[0], rotation, shift)
    expected = _mesh(who, rotations, translation) @ rotation.T + shift
    np.testing.assert_allclose(_mesh(who, *turned), expected, atol=2e-6)


def test_true_regressor_hits_its_points_and_is_symmetric(
    body: Body, true: np.ndarray, parameters: Parameters
) -> None:
    assert true.min() >= 0
    np.testing.assert_allclose(true.sum(axis=1), 1, atol=1e-12)
    points = anatomical_points(body, parameters.labels)
    np.testing.assert_allclose(true @ body.template.astype(np.float64), points, atol=1e-8)
    swapped = [
        name.replace("left", "?").replace("right", "left").replace("?", "right") for name in H36M_17
    ]
    np.testing.assert_allclose(true[rows(swapped)][:, body.mirror], true, atol=2e-5)
    distance = np.linalg.norm(points - body.rest_joints(np.zeros((1, 10)))[0][LIMB], axis=1)
    marker_like = ~np.isin(H36M_17, ["nose", "head_top"])
    assert distance[marker_like].min() > 0.01
    assert distance[marker_like].max() < 0.04


def test_label_offset_moves_with_the_limb(body: Body, true: np.ndarray, parameters: Parameters) -> None:
    offsets = label_offsets("S5", parameters.planted_seed, parameters.labels)
    assert not np.allclose(offsets, label_offsets("S6", parameters.planted_seed, parameters.labels))
    length = np.linalg.norm(offsets, axis=1)
    assert length.min() > 0.002
    assert length.max() < 0.01
    generator = np.random.default_rng(1)
    rotations = from_axis_angle(0.4 * generator.standard_normal((3, 24, 3)))
    betas = np.zeros((3, 10))
    vertices = body.vertices(rotations, betas)
    limbs = body.transforms(rotations, betas)[0]
    labels = labelled_joints(vertices, limbs, true, offsets)
    seen = np.einsum("njab,nja->njb", limbs[:, LIMB], labels - true @ vertices.astype(np.float64))
    np.testing.assert_allclose(seen, np.broadcast_to(offsets, seen.shape), atol=1e-9)


def test_labels_slide_with_the_bend_of_their_joint_alone(parameters: Parameters) -> None:
    settings, planted = parameters.labels, parameters.planted_seed
    rest = np.tile(np.eye(3), (1, 24, 1, 1))
    np.testing.assert_allclose(slides("S1", rest, planted, settings), 0, atol=1e-15)
    turned = rest.copy()
    turned[0, 0] = from_axis_angle(np.array([0.3, 2.0, 0.1]))  # the whole person turns: no skin moves
    np.testing.assert_allclose(slides("S1", turned, planted, settings), 0, atol=1e-15)
    bent = np.concatenate([rest] * 2)
    knee = JOINT["left_knee"]
    bent[:, knee] = from_axis_angle(np.array([[0.7, 0.0, 0.0], [1.4, 0.0, 0.0]]))
    shift = slides("S1", bent, planted, settings)
    row = H36M_17.index("left_knee")
    others = np.arange(17) != row
    np.testing.assert_allclose(shift[:, others], 0, atol=1e-15)
    np.testing.assert_allclose(shift[1, row], 2 * shift[0, row], rtol=1e-9)
    same = slides("S1", bent, planted, settings)
    np.testing.assert_array_equal(shift, same)
    assert not np.allclose(shift, slides("S5", bent, planted, settings))


def test_slides_are_as_large_as_asked_and_mirror_where_they_are_common(parameters: Parameters) -> None:
    axes = np.random.default_rng(0).standard_normal((400, 24, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    rotations = from_axis_angle(axes)  # one radian in every joint
    settings = parameters.labels
    sizes = np.concatenate(
        [slides(f"S{k}", rotations, seed, settings) for k in (1, 5) for seed in range(12)]
    )
    rms = np.sqrt((sizes**2).sum(axis=-1).mean(axis=0))
    for name, size in zip(H36M_17, rms, strict=True):
        part = name.removeprefix("left_").removeprefix("right_")
        assert size == pytest.approx(settings.moving.slide_m_rad[part], rel=0.3, abs=1e-12)
    common = settings.model_copy(update={"moving": settings.moving.model_copy(update={"own": 0.0})})
    bend = np.tile(np.eye(3), (1, 24, 1, 1))
    vector = np.array([0.4, -0.5, 0.6])
    bend[0, JOINT["left_elbow"]] = from_axis_angle(vector)
    bend[0, JOINT["right_elbow"]] = from_axis_angle(vector * [1, -1, -1])  # the mirrored rotation
    shift = slides("S1", bend, 1, common)[0]
    left, right = (shift[H36M_17.index(f"{side}_elbow")] for side in SIDES)
    np.testing.assert_allclose(right, left * [-1, 1, 1], atol=1e-15)


def test_labels_wander_slowly(parameters: Parameters) -> None:
    times = np.arange(4000) / RATE
    error = wandering(times, np.random.default_rng(3), parameters.labels)
    assert error.std() == pytest.approx(parameters.labels.moving.wander_m, rel=0.15)
    flat = error.reshape(len(times), -1)
    for gap, least, most in ((1, 0.99, 1.0), (int(0.2 * RATE), 0.85, 1.0)):
        memory = (flat[gap:] * flat[:-gap]).mean() / (flat * flat).mean()
        assert least < memory <= most


def test_moving_labels_change_nothing_else(body: Body, true: np.ndarray, parameters: Parameters) -> None:
    who, times = _figure(body, parameters, "S1"), np.arange(6) / 2
    fixed, moving = (
        performed(who, "S1", "Sitting", "1", times, true, parameters, 5, world(markers=markers))
        for markers in ("fixed", "moving")
    )
    np.testing.assert_array_equal(fixed.rotations, moving.rotations)
    np.testing.assert_array_equal(fixed.translation, moving.translation)
    gap = np.linalg.norm(moving.joints - fixed.joints, axis=-1)
    assert 0.003 < gap.mean() < 0.02
    assert gap.max() < 0.06


def test_fit_to_labels_puts_the_skeleton_on_the_labels(body: Body, parameters: Parameters) -> None:
    generator = np.random.default_rng(2)
    rotations, betas, translation = (a[:24] for a in random_bodies(body, parameters, generator))
    settings = parameters.standard_regressor.model_copy(
        update={"steps": 25, "pose_prior": 1e-5, "shape_prior": 1e-7}
    )
    limbs, position = body.transforms(rotations, betas)
    offset = np.zeros((17, 3))
    for name, assumed in settings.assumed_cm.items():
        offset[H36M_17.index(name)] = np.array(assumed) / 100
    labels = (position + translation[:, None])[:, LIMB]
    labels = labels + np.einsum("njab,jb->nja", limbs[:, LIMB], offset)
    start = rotations @ from_axis_angle(0.08 * generator.standard_normal((24, 24, 3)))
    fitted = fit_to_labels(body, labels, start, translation + 0.05, settings)
    marker_like = ~np.isin(H36M_17, ["nose", "head_top"])
    found = body.joints(*fitted)[:, LIMB][:, marker_like]
    assert np.linalg.norm(found - labels[:, marker_like], axis=-1).mean() < 1e-3


def test_standard_regressor_is_wrong_by_two_centimetres_on_true_bodies(
    body: Body, true: np.ndarray, standard: np.ndarray, parameters: Parameters
) -> None:
    assert standard.min() >= 0
    np.testing.assert_allclose(standard.sum(axis=1), 1, atol=1e-12)
    meshes = []
    for subject in parameters.subjects:
        who = _figure(body, parameters, subject)
        for action in DEMO:
            meshes.append(_mesh(who, *_perform(who, parameters, action, 0, np.arange(4.0))))
    error = np.matmul(standard - true, np.concatenate(meshes).astype(np.float64))
    absolute = np.linalg.norm(error, axis=-1).mean()
    relative = np.linalg.norm(error - error[:, :1], axis=-1).mean()
    assert 0.020 < absolute < 0.025
    assert 0.020 < relative < 0.025


GENUINE_LOPSIDED_MM = {"hip": 25, "knee": 19, "ankle": 18, "shoulder": 3, "elbow": 9, "wrist": 17}
"""Left joint of the field's matrix against its mirrored right one, on a symmetric mesh."""


def test_joints_of_human36m_lie_where_theirs_do_and_the_matrix_errs_as_theirs(
    body: Body, parameters: Parameters
) -> None:
    theirs = with_joints(parameters, "human36m")
    true = true_regressor(body, theirs.labels)
    standard = standard_regressor(body, true, theirs, np.random.default_rng(0))
    template = body.template.astype(np.float64)
    labels, found = true @ template, standard @ template

    def distance(points: np.ndarray, one: str, other: str) -> float:
        return float(np.linalg.norm(points[H36M_17.index(one)] - points[H36M_17.index(other)]))

    # Human3.6M's skeletons have hips 266 mm apart, pelvis in the middle; its frames 239 to 293 mm.
    assert distance(labels, "left_hip", "right_hip") == pytest.approx(0.266, abs=0.002)
    middle = labels[[H36M_17.index("left_hip"), H36M_17.index("right_hip")]].mean(axis=0)
    np.testing.assert_allclose(labels[0], middle, atol=2e-3)
    # The field's matrix puts them 294 mm apart on a template of 1.717 m: 282 mm at 1.645 m.
    assert distance(found, "left_hip", "right_hip") == pytest.approx(0.282, abs=0.015)
    for part, expected in GENUINE_LOPSIDED_MM.items():
        left, right = (found[H36M_17.index(f"{side}_{part}")] for side in ("left", "right"))
        assert 1e3 * np.linalg.norm(left - right * [-1, 1, 1]) == pytest.approx(expected, abs=6)
    used = (standard > 0).sum(axis=1)
    assert used.min() >= 4
    assert used.max() <= 9
    rotations, betas, translation = random_bodies(body, theirs, np.random.default_rng(1))
    meshes = body.vertices(rotations[:60], betas[:60], translation[:60]).astype(np.float64)
    error = np.linalg.norm((standard - true) @ meshes, axis=-1).mean()
    assert 0.020 < error < 0.025


def test_leading_estimator_is_as_wrong_as_the_targets_say(
    body: Body, true: np.ndarray, parameters: Parameters
) -> None:
    errors = []
    for subject in parameters.subjects:
        who = _figure(body, parameters, subject)
        for action in DEMO:
            times = np.arange(8) / 2.5
            recording = performed(who, subject, action, "1", times, true, parameters, 5)
            for camera in cameras_of(subject, parameters)[:2]:
                rotations, translation = in_camera(recording, who, camera)
                predicted, betas, pelvis = simulate(
                    "sim_spin", View(subject, action, "1", camera.name), rotations, who.betas,
                    translation + who.rest[0], 2.5, parameters.estimators, parameters.planted_seed, 5,
                )  # fmt: skip
                shift = pelvis - body.rest_joints(betas)[:, 0]
                found = true @ body.vertices(predicted, betas, shift).astype(np.float64)
                target = true @ _mesh(who, rotations, translation).astype(np.float64)
                errors.append([mpjpe(found, target).mean(), pa_mpjpe(found, target).mean()])
    mean, aligned = np.mean(errors, axis=0)
    assert 0.058 < mean < 0.070
    assert 0.036 < aligned < 0.044


def test_estimators_share_the_errors_that_they_should(parameters: Parameters) -> None:
    count = 4000
    rotations = np.tile(np.eye(3), (count, 24, 1, 1))
    pelvis = np.tile([0.0, 0.0, 5.0], (count, 1))
    wrong = {}
    for method in parameters.estimators.methods:
        predicted, _, _ = simulate(
            method, View("S1", "Walking", "1", "54138969"), rotations, np.zeros(10), pelvis,
            5.0, parameters.estimators, parameters.planted_seed, 1,
        )  # fmt: skip
        wrong[method] = to_axis_angle(predicted)[:, 1:]
    noise = {method: w - w.mean(axis=0) for method, w in wrong.items()}

    def correlation(one: str, other: str) -> float:
        a, b = noise[one].ravel(), noise[other].ravel()
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))

    assert correlation("sim_spin", "sim_vibe") == pytest.approx(0.8, abs=0.03)
    assert correlation("sim_spin", "sim_meva") == pytest.approx(0.8, abs=0.03)
    assert correlation("sim_vibe", "sim_meva") == pytest.approx(0.64, abs=0.03)
    assert correlation("sim_spin", "sim_other") == pytest.approx(0, abs=0.03)
    # It comes and goes slowly: the memory of one frame at 5 frames/s is exp(-0.2 / 0.6).
    a = noise["sim_spin"].reshape(count, -1)
    assert (a[1:] * a[:-1]).mean() / (a * a).mean() == pytest.approx(np.exp(-1 / 3), abs=0.03)


def test_the_order_of_keys_in_the_file_means_nothing(parameters: Parameters) -> None:
    def ordered(value: object) -> object:
        if isinstance(value, dict):
            return {key: ordered(value[key]) for key in sorted(value, reverse=True)}
        return value

    again = Parameters(**ordered(parameters.model_dump(mode="json")))
    assert again == parameters
    assert list(again.estimators.methods) != list(parameters.estimators.methods)
    for one, other in zip(cameras_of("S1", again), cameras_of("S1", parameters), strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.translation, other.translation)
    rotations, pelvis = np.tile(np.eye(3), (2, 24, 1, 1)), np.tile([0.0, 0.0, 5.0], (2, 1))
    for method in parameters.estimators.methods:
        first, second = (
            simulate(
                method, View("S1", "Walking", "1", "54138969"), rotations, np.zeros(10), pelvis,
                5.0, p.estimators, p.planted_seed, 1,
            )
            for p in (parameters, again)
        )  # fmt: skip
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)


def test_shape_bias_is_large_in_no_direction_and_shared(parameters: Parameters) -> None:
    settings = parameters.estimators
    bias = {method: shape_bias(method, settings) for method in settings.methods}
    assert max(np.abs(b).max() for b in bias.values()) <= 0.8
    own = np.array(settings.shape_bias["sim_vibe"])
    np.testing.assert_allclose(bias["sim_vibe"], 0.8 * bias["sim_spin"] + 0.6 * own)


def test_all_subjects_differ_and_joint_rotations_are_rotations(
    body: Body, parameters: Parameters
) -> None:
    heights = {}
    for subject, person in parameters.subjects.items():
        shaped = body.template + body.shape_directions @ np.array(person.betas)
        heights[subject] = np.ptp(shaped[:, 1])
        who = _figure(body, parameters, subject)
        rotations, _ = _perform(who, parameters, "Sitting", 1, np.arange(3) / 5)
        product = np.swapaxes(rotations, -1, -2) @ rotations
        np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9)
        assert angle_between(rotations[:-1], rotations[1:]).max() < 1.5
    assert len({round(h, 3) for h in heights.values()}) == len(heights)
    assert 1.55 < min(heights.values()) < max(heights.values()) < 1.9
