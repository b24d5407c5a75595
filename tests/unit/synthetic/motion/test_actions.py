"""The fifteen actions: what each one must show, limits of the body, and that they can be told apart."""

import numpy as np
import pytest
from showcase import TURN, moments

from jointreg.body import Body
from jointreg.figures.mesh import mesh_rows
from jointreg.geometry.rotations import to_axis_angle
from jointreg.synthetic.motion.actions import ACTIONS, GESTURES, REACHES
from jointreg.synthetic.motion.arms import on_the_way, reach
from jointreg.synthetic.motion.kinematics import JOINT, SIDES, SIGN, Figure, figure, pose, still
from jointreg.synthetic.motion.perform import perform
from jointreg.synthetic.parameters import Parameters

PLANTED = [name for name, row in ACTIONS.items() if row.stance != "walking"]
TIMES = np.arange(0, 10, 0.25)


class Take:
    """One take with its skeleton."""

    def __init__(self, who: Figure, rotations: np.ndarray, translation: np.ndarray) -> None:
        self.who, self.rotations, self.translation = who, rotations, translation
        self.betas = np.tile(who.betas, (len(rotations), 1))
        self.frames, joints = who.body.transforms(rotations, self.betas)
        self.joints = joints + translation[:, None]

    def at(self, name: str) -> np.ndarray:
        """Joint positions, (N, 3)."""
        return self.joints[:, JOINT[name]]

    def hands(self) -> np.ndarray:
        """Left and right hand joint, (2, N, 3)."""
        return np.stack([self.at(f"{side}_hand") for side in SIDES])

    def seen_from(self, joint: str, points: np.ndarray) -> np.ndarray:
        """Points (..., N, 3) in the frame of a joint: to the left, up, forward."""
        axes = self.frames[:, JOINT[joint]]
        return np.einsum("nab,...na->...nb", axes, points - self.at(joint))

    def mesh(self, rows: slice) -> np.ndarray:
        """Vertices of some frames."""
        return self.who.body.vertices(self.rotations[rows], self.betas[rows], self.translation[rows])


@pytest.fixture(scope="module")
def people(body: Body, parameters: Parameters) -> dict[str, Figure]:
    return {name: figure(body, np.array(person.betas)) for name, person in parameters.subjects.items()}


def _take(
    who: Figure, parameters: Parameters, action: str, take: int, seed: int, times: np.ndarray = TIMES
) -> Take:
    generator = np.random.default_rng(seed)
    stools = parameters.room.stools_m
    return Take(who, *perform(who, action, take, times, parameters.motion, stools, generator))


@pytest.fixture(scope="module")
def takes(people: dict[str, Figure], parameters: Parameters) -> dict[str, list[Take]]:
    """Every action by every person, 10 s."""
    return {
        action: [
            _take(who, parameters, action, index % 2, 50 + index)
            for index, who in enumerate(people.values())
        ]
        for action in ACTIONS
    }


def test_the_first_three_actions_are_what_they_were(
    people: dict[str, Figure], parameters: Parameters
) -> None:
    # Every published number of the demo was made with these motions.
    expected = {
        "Directions": [
            -0.98997462,
            -0.00955695,
            -0.14092165,
            0.5694824,
            -0.42166098,
            -0.70561449,
            -0.03620269,
            0.00012854,
            0.99934446,
        ],
        "Sitting": [
            -0.99959832,
            0.0,
            -0.02834079,
            0.12223926,
            0.88751342,
            -0.44427187,
            0.00158447,
            -0.02895623,
            0.99957942,
        ],
        "Walking": [
            -0.78604368,
            0.0,
            0.61817096,
            0.4212289,
            0.89921065,
            0.11826422,
            -0.05279712,
            -0.01150673,
            0.99853896,
        ],
    }
    for action, numbers in expected.items():
        take = _take(people["S6"], parameters, action, 0, 7, np.arange(120) / 7)
        # Rotations that do not depend on the body: pelvis, shoulder, spine.
        r = take.rotations[100]
        found = [r[0, :, 0], r[JOINT["right_shoulder"], :, 0], r[JOINT["spine1"], :, 2]]
        np.testing.assert_allclose(np.concatenate(found), numbers, atol=1e-7)


def test_joints_keep_to_their_limits(takes: dict[str, list[Take]]) -> None:
    def turned(rotations: np.ndarray) -> float:
        return float(np.degrees(np.linalg.norm(to_axis_angle(rotations), axis=-1)).max())

    for action, each in takes.items():
        for take in each:
            r = take.rotations
            spine = r[:, JOINT["spine1"]] @ r[:, JOINT["spine2"]] @ r[:, JOINT["spine3"]]
            assert turned(spine) < 75, action
            assert turned(r[:, JOINT["neck"]] @ r[:, JOINT["head"]]) < 60, action
            for side in SIDES:
                assert turned(r[:, JOINT[f"{side}_hip"]]) < 140, action
                assert turned(r[:, JOINT[f"{side}_ankle"]]) < 52, action
                knee = np.degrees(to_axis_angle(r[:, JOINT[f"{side}_knee"]]))
                assert -4 < knee[:, 0].min() < knee[:, 0].max() < 135, action
                assert np.abs(knee[:, 1:]).max() < 8, action
                elbow = np.degrees(to_axis_angle(r[:, JOINT[f"{side}_elbow"]]))
                inward = -SIGN[side] * elbow[:, 1]
                assert 0 < inward.min() < inward.max() < 141, action
                assert np.abs(elbow[:, [0, 2]]).max() < 1e-6, action


def test_nobody_moves_faster_than_people_do(people: dict[str, Figure], parameters: Parameters) -> None:
    rate = 50
    for action in ACTIONS:
        take = _take(people["S9"], parameters, action, 0, 4, np.arange(4 * rate) / rate)
        speed = rate * np.linalg.norm(np.diff(take.joints, axis=0), axis=-1)
        assert speed[:, 0].max() < 1.6, action
        # Fast free pointing; a jump between two frames would be 20 m/s and more.
        assert speed.max() < 5.5, action


@pytest.mark.parametrize("action", PLANTED)
def test_planted_feet_do_not_move(takes: dict[str, list[Take]], action: str) -> None:
    for take in takes[action]:
        for side in SIDES:
            ankle = take.at(f"{side}_ankle")
            assert np.ptp(ankle, axis=0).max() < 1e-5
            assert ankle[0, 1] == pytest.approx(take.who.ankle_height, abs=1e-5)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_lowest_point_is_on_the_floor(takes: dict[str, list[Take]], action: str) -> None:
    for take in takes[action]:
        lowest = take.mesh(slice(None, None, 5))[..., 1].min(axis=1)
        assert np.abs(lowest).max() < 0.01


def test_arms_stay_out_of_the_body(takes: dict[str, list[Take]]) -> None:
    for action, each in takes.items():
        wrong = []
        for take in each[::2]:
            rows = slice(None, None, 10)
            mesh = take.mesh(rows).astype(np.float64)
            parts = [take.joints[rows][:, [JOINT[f"{s}_{n}"] for s in SIDES]] for n in ENDS]
            elbow, wrist, hand = parts
            inside = np.concatenate([(elbow + wrist) / 2, wrist, hand], axis=1)
            for vertices, points in zip(mesh, inside, strict=True):
                # Once round by the arm's own skin; twice within the trunk, the head or the other arm.
                wrong.append(_winding(points, vertices, take.who.body.faces) > 1.5)
        assert np.mean(wrong) < 0.03, action


ENDS = ("elbow", "wrist", "hand")


def _winding(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """How often a closed mesh encloses each point: solid angle / 4 pi (Van Oosterom & Strackee 1983)."""
    a, b, c = (vertices[faces[:, k]] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    top = np.einsum("pfa,pfa->pf", a, np.cross(b, c))
    bottom = la * lb * lc
    for one, other, length in ((a, b, lc), (a, c, lb), (b, c, la)):
        bottom = bottom + np.einsum("pfa,pfa->pf", one, other) * length
    return np.arctan2(top, bottom).sum(axis=1) / (2 * np.pi)


def _face(take: Take) -> tuple[np.ndarray, np.ndarray]:
    """Ears (2, N, 3) and mouth (N, 3), on the mesh: widest vertices of the head, front of the lips."""
    shape = take.who.body
    rest = shape.template + shape.shape_directions @ take.who.betas
    head = np.flatnonzero(shape.skinning_weights[:, JOINT["head"]] > 0.5)
    nose = head[rest[head, 2].argmax()]
    below = rest[nose, 1] - rest[head, 1]
    lips = head[(below > 0.02) & (below < 0.04) & (np.abs(rest[head, 0]) < 0.01)]
    chosen = [head[rest[head, 0].argmax()], head[rest[head, 0].argmin()], lips[rest[lips, 2].argmax()]]
    points = take.mesh(slice(None))[:, chosen]
    return points[:, :2].swapaxes(0, 1), points[:, 2]


def test_phoning_holds_a_hand_at_the_ear(takes: dict[str, list[Take]]) -> None:
    for take in takes["Phoning"]:
        ears, _ = _face(take)
        assert np.linalg.norm(take.hands() - ears, axis=-1).min(axis=0).max() < 0.15


@pytest.mark.parametrize("action", ["Eating", "Smoking"])
def test_a_hand_goes_to_the_mouth_and_away(takes: dict[str, list[Take]], action: str) -> None:
    for take in takes[action]:
        _, mouth = _face(take)
        nearest = np.linalg.norm(take.hands() - mouth, axis=-1).min(axis=0)
        # The joint lies in the palm; the fingers reach 8 cm farther.
        assert nearest.min() < 0.13
        assert nearest.max() > 0.3


def test_photo_has_both_hands_before_the_face(takes: dict[str, list[Take]]) -> None:
    for take in takes["Photo"]:
        across, up, forward = np.moveaxis(take.seen_from("head", take.hands()), -1, 0)
        before = (np.abs(across) < 0.2) & (np.abs(up) < 0.15) & (forward > 0.2) & (forward < 0.45)
        assert before.all(axis=0).mean() > 0.4


def test_sitting_down_ends_on_the_floor(takes: dict[str, list[Take]]) -> None:
    highest = []
    for take in takes["SittingDown"]:
        height = take.at("pelvis")[:, 1]
        assert height[TIMES <= 3].min() < 0.45  # also in the short takes of the demo
        assert height.min() < 0.15
        highest.append(height.max())
    assert max(highest) > 0.8
    for action in set(ACTIONS) - {"SittingDown"}:
        assert min(take.at("pelvis")[:, 1].min() for take in takes[action]) > 0.45


def test_purchases_lifts_something_from_below_the_knees(takes: dict[str, list[Take]]) -> None:
    for take in takes["Purchases"]:
        above = take.hands()[..., 1] - take.at("left_knee")[:, 1]
        assert above.max(axis=0).min() < 0
        assert above.min(axis=0).max() > 0.3


def test_gestures_are_what_the_actions_say(takes: dict[str, list[Take]]) -> None:
    hands = {
        action: [take.seen_from("spine3", take.hands()) for take in each]
        for action, each in takes.items()
    }
    for seen in hands["Posing"]:
        assert np.abs(seen[0, :, 0] - seen[1, :, 0]).max() > 1.2
    for seen in hands["Greeting"]:
        assert seen[..., 1].max() > 0.25  # a hand above the shoulder
        assert np.median(seen[..., 1].min(axis=0)) < -0.1  # the other one hangs
    for seen in hands["Waiting"]:
        elbows_crossed = seen[0, :, 0] < seen[1, :, 0]
        assert 0.2 < elbows_crossed.mean() < 0.95
    for seen in hands["Discussion"]:
        assert (seen[..., 2] > 0.2).mean() > 0.7  # both before the chest
    for seen in hands["WalkDog"]:
        assert seen[..., 2].min(axis=1).max() > 0.25  # always the same arm ahead
    assert max(seen[..., 2].min(axis=1).max() for seen in hands["Walking"]) < 0.2
    for take in takes["WalkTogether"]:
        bent = [to_axis_angle(take.rotations[:, JOINT[f"{side}_elbow"]])[:, 1] for side in SIDES]
        assert np.abs(bent).max(axis=0).min() > np.radians(60)


def _statistics(take: Take) -> np.ndarray:
    """What a take looks like, whoever does it and whichever hand leads."""
    chest = take.seen_from("spine3", take.hands()) * [[[1.0, 1, 1]], [[-1, 1, 1]]]
    head = np.linalg.norm(take.hands() - take.at("head"), axis=-1)
    pelvis = take.at("pelvis")
    travelled = np.linalg.norm(np.diff(pelvis[:, [0, 2]], axis=0), axis=1).sum()
    parts = [np.sort(chest.mean(axis=1), axis=0), np.sort(chest.std(axis=1), axis=0)]
    parts += [np.sort(head.min(axis=1)), np.sort(head.mean(axis=1))]
    parts += [[pelvis[:, 1].mean(), pelvis[:, 1].std(), travelled], np.diff(pelvis, axis=0).std(axis=0)]
    parts += [[np.linalg.norm(chest[0] - chest[1] * [-1, 1, 1], axis=-1).mean()]]
    return np.concatenate([np.ravel(part) for part in parts])


def test_actions_can_be_told_apart(
    people: dict[str, Figure], parameters: Parameters, takes: dict[str, list[Take]]
) -> None:
    names, figures = list(ACTIONS), list(people.values())
    known = np.array([[_statistics(take) for take in takes[action]] for action in names])
    spread = known.std(axis=1).mean(axis=0) + 1e-6
    centres = known.mean(axis=1) / spread
    guessed = []
    for number, action in enumerate(names):
        for seed in range(4):
            take = _take(figures[seed], parameters, action, seed % 2, 900 + seed)
            distance = np.linalg.norm(centres - _statistics(take) / spread, axis=1)
            guessed.append(distance.argmin() == number)
    assert np.mean(guessed) > 0.9


@pytest.mark.parametrize("name", REACHES)
def test_a_hand_reaches_its_place_on_any_body(people: dict[str, Figure], name: str) -> None:
    head = np.array([0.15, -0.1, 0.05])
    for who in people.values():
        posture = still(1)
        posture.pelvis[0] = who.rest[0]
        posture.head[0] = head
        for side in SIDES:
            posture.arms[side] = reach(who, name, side, head)[None]
            posture.ankles[side] = who.rest[None, JOINT[f"{side}_ankle"]]
        take = Take(who, *pose(who, posture))
        goal = REACHES[name]
        for side, hand in zip(SIDES, take.hands(), strict=True):
            place = np.array(goal.offset_m) * [SIGN[side], 1, 1]
            away = take.seen_from(goal.anchor, hand)[0] - place
            # Before the trunk the offset counts from the skin, which lies deeper than the spine.
            depth = away[2] if goal.anchor.startswith("spine") else 0.0
            assert 0 <= depth < 0.25
            assert np.linalg.norm(away - [0, 0, depth]) < 0.01


def test_the_way_down_passes_its_gestures() -> None:
    arm = np.full((5, 4), 0.3)
    down = np.array([0, 0.25, 0.5, 0.75, 1])
    found = on_the_way(arm, ACTIONS["SittingDown"], down)
    hang, balance = (np.radians(GESTURES[name]) for name in ("hang", "balance"))
    expected = [hang, (hang + balance) / 2, balance, (balance + arm[0]) / 2, arm[0]]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(on_the_way(arm, ACTIONS["Posing"], down), arm)


def test_a_seed_decides_a_take(people: dict[str, Figure], parameters: Parameters) -> None:
    for action in ACTIONS:
        one, same, other = (_take(people["S1"], parameters, action, 0, s, TIMES[:5]) for s in (1, 1, 2))
        np.testing.assert_array_equal(one.rotations, same.rotations)
        np.testing.assert_array_equal(one.translation, same.translation)
        assert np.abs(one.rotations - other.rotations).max() > 0.05


def test_the_picture_shows_every_action_over_the_origin_half_turned(
    body: Body, parameters: Parameters
) -> None:
    shown = moments(parameters, "S6", np.array([0.0, 2.0]), np.random.default_rng(4))
    assert list(shown) == list(ACTIONS)
    trunk = body.skinning_weights[:, JOINT["pelvis"]] > 0.5
    sides = [np.flatnonzero(trunk & (sign * body.template[:, 0] > 0.05)) for sign in (1, -1)]
    for action, meshes in shown.items():
        assert np.abs(meshes[..., 1].min(axis=1)).max() < 0.01, action
        middle = meshes[:, trunk].mean(axis=1)
        assert np.abs(middle[:, [0, 2]]).max() < 0.1, action
        left, right = (meshes[:, side].mean(axis=1) for side in sides)
        across = left - right
        heading = np.arctan2(-across[:, 2], across[:, 0])
        np.testing.assert_allclose(heading, TURN, atol=0.15)
    assert len(mesh_rows({"Sitting": shown["Sitting"]}, body.faces).axes) == 2
