"""Free people: their skinning, their place on the open body's topology, and the truth about them."""

from pathlib import Path

import cdflib
import numpy as np
import pytest
from worlds import world

from jointreg.body import Body, load_body
from jointreg.datasets.human36m.metadata import read_metadata
from jointreg.errors import ConfigError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.metrics import pa_mpjpe
from jointreg.regressor import load_regressor
from jointreg.skeleton import H36M_17_IN_32, LIMB, SMPL_24
from jointreg.synthetic.labels import label_offsets
from jointreg.synthetic.motion.kinematics import Figure
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.people import cast, filmed, nearest_betas
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject
from jointreg.synthetic.truth import Masks, read_bodies, read_vertices

CAMERA = "60457274"


@pytest.fixture(scope="module")
def who(body: Body, parameters: Parameters) -> Figure:
    return cast("S5", body, parameters, "free")


def _posed(body: Body, rotations: np.ndarray) -> np.ndarray:
    return body.vertices(rotations, np.zeros((len(rotations), 10))).astype(np.float64)


def test_nobody_among_the_free_is_in_the_models_shape_space(body: Body, parameters: Parameters) -> None:
    for subject in parameters.subjects:
        who = cast(subject, body, parameters, "free")
        betas = nearest_betas(body, who)
        away = who.body.template - body.template - body.shape_directions @ betas
        away -= away.mean(axis=0)
        # SMPL's first ten components leave some 5 to 10 mm of a person whom they were not made of.
        assert 0.004 < np.linalg.norm(away, axis=1).mean() < 0.012
        assert np.abs(betas).max() < 4
        assert 1.5 < np.ptp(who.body.template[:, 1]) < 1.9
        # Left is not right: people are lopsided.
        assert np.abs(who.body.template - who.body.template[body.mirror] * [-1, 1, 1]).max() > 0.001


def test_a_person_of_the_model_has_betas_of_its_own(body: Body, parameters: Parameters) -> None:
    who = cast("S5", body, parameters, "model")
    np.testing.assert_array_equal(nearest_betas(body, who), parameters.person("S5").betas)
    assert filmed(who.body) is body


def test_turning_the_whole_person_turns_every_vertex(who: Figure) -> None:
    surface, turn = filmed(who.body), from_axis_angle(np.array([0.4, -2.8, 0.9]))
    rotations = from_axis_angle(0.3 * np.random.default_rng(0).standard_normal((1, 24, 3)))
    turned = rotations.copy()
    turned[:, 0] = turn @ rotations[:, 0]
    root = who.rest[0]
    expected = (_posed(surface, rotations) - root) @ turn.T + root
    np.testing.assert_allclose(_posed(surface, turned), expected, atol=2e-6)


def test_skin_of_one_bone_moves_rigidly_with_it(who: Figure) -> None:
    surface = filmed(who.body)
    rotations = from_axis_angle(0.5 * np.random.default_rng(1).standard_normal((2, 24, 3)))
    glob, position = surface.transforms(rotations, np.zeros((2, 10)))
    vertices = _posed(surface, rotations)
    for name in ("head", "left_knee", "right_elbow", "left_ankle"):
        joint = SMPL_24.index(name)
        own = np.flatnonzero(surface.skinning_weights[:, joint] == 1)
        assert len(own) > 20
        rest = surface.template[own] - who.rest[joint]
        expected = np.einsum("nab,vb->nva", glob[:, joint], rest) + position[:, joint, None]
        np.testing.assert_allclose(vertices[:, own], expected, atol=2e-6)


def test_a_twisted_forearm_keeps_its_girth(who: Figure) -> None:
    """Linear blending would draw it in: the reason for dual quaternions."""
    surface = filmed(who.body)
    rotations = np.tile(np.eye(3), (1, 24, 1, 1))
    wrist = SMPL_24.index("left_wrist")
    rotations[0, wrist] = from_axis_angle(np.array([2.5, 0.0, 0.0]))
    blended = surface.skinning_weights[:, wrist]
    ring = np.flatnonzero((blended > 0.3) & (blended < 0.7))
    assert len(ring) > 20

    def girth(vertices: np.ndarray) -> float:
        across = vertices[ring, 1:] - who.rest[wrist, 1:]
        return float(np.linalg.norm(across, axis=1).mean())

    posed = girth(_posed(surface, rotations)[0])
    assert posed == pytest.approx(girth(surface.template), rel=0.02)
    glob, position = surface.transforms(rotations, np.zeros((1, 10)))
    bones = np.einsum("kab,vkb->vka", glob[0], surface.template[:, None] - who.rest) + position[0]
    linear = (surface.skinning_weights[..., None] * bones).sum(axis=1)
    assert girth(linear) < 0.8 * posed


def test_fingers_bend_with_the_arm_and_keep_their_length(who: Figure) -> None:
    surface = filmed(who.body)
    hand, elbow = (SMPL_24.index(f"left_{name}") for name in ("hand", "elbow"))
    tip = surface.template[:, 0].argmax()
    knuckle = [who.rest[hand, 0], *surface.template[tip, 1:]]
    base = np.linalg.norm(surface.template - knuckle, axis=1).argmin()
    straight = np.linalg.norm(surface.template[tip] - surface.template[base])
    reach = []
    for angle in np.linspace(0.1, 2.2, 12):
        rotations = np.tile(np.eye(3), (1, 24, 1, 1))
        rotations[0, elbow] = from_axis_angle(np.array([0.0, -angle, 0.0]))
        posed = _posed(surface, rotations)[0]
        reach.append(np.linalg.norm(posed[tip] - posed[base]) / straight)
    # The chord of an arc of 0.3 to 1.7 rad is 0.996 to 0.88 of its length, on the palm's side less.
    assert 0.65 < min(reach) < 0.9
    assert 0.95 < max(reach) < 1.02


def test_the_open_bodys_vertices_lie_on_the_filmed_surface(who: Figure, body: Body) -> None:
    points = who.body.points
    np.testing.assert_allclose(points.sum(axis=1), 1, atol=1e-9)
    rotations = from_axis_angle(0.3 * np.random.default_rng(2).standard_normal((1, 24, 3)))
    surface = _posed(filmed(who.body), rotations)[0]
    corners = points.indices.reshape(-1, 3)
    faces = {tuple(sorted(face)) for face in filmed(who.body).faces.tolist()}
    assert all(tuple(sorted(corner)) in faces for corner in corners[::50].tolist())
    share = points.data.reshape(-1, 3, 1)
    expected = (surface[corners] * share).sum(axis=1)
    np.testing.assert_allclose(_posed(who.body, rotations)[0], expected, atol=1e-6)


def test_labels_of_free_people_lie_on_their_true_vertices(
    tmp_path: Path, parameters: Parameters
) -> None:
    root, truth, kinds = tmp_path / "data", tmp_path / "truth", world(people="free")
    write_rig(root, truth, parameters, ("S5",), ("Walking",), ("1",), (CAMERA,), 3, kinds)
    write_subject("S5", root, truth, parameters, {"Walking": ("1",)}, (CAMERA,), 2, 5.0, 3, kinds)
    true = load_regressor(truth / "J_true.npy", load_body("open")).weights
    found = read_vertices(truth, "S5", "Walking")
    assert list(found["take"]) == ["1", "1"]
    assert list(found["frame"]) == [0, 1]
    pose = cdflib.CDF(root / "S5/MyPoseFeatures/D3_Positions/Walking 1.cdf").varget("Pose")
    labels = np.asarray(pose)[0].reshape(2, 32, 3)[:, list(H36M_17_IN_32)] / 1000
    joints = true @ found["vertices"].astype(np.float64)
    expected = np.linalg.norm(label_offsets("S5", parameters.planted_seed, parameters.labels), axis=1)
    np.testing.assert_allclose(np.linalg.norm(labels - joints, axis=-1), [expected] * 2, atol=1e-6)

    camera = next(c for c in read_metadata(root / "metadata.xml").cameras.values() if c.name == CAMERA)
    bodies = read_bodies(truth, "S5", "Walking")
    near = load_body("open").vertices(bodies["rotations"], bodies["betas"], bodies["translation"])
    mesh = camera.from_world(found["vertices"].astype(np.float64))
    error = np.linalg.norm(near - mesh, axis=-1).mean()
    assert 0.005 < error < 0.04
    assert pa_mpjpe(near[:, ::40], mesh[:, ::40]).max() < 0.03
    pixels = np.round(camera.project(mesh)).astype(int)
    seen = Masks(truth, "S5", "Walking").coverage("1", CAMERA, 1, camera.size)
    assert (seen[pixels[1, :, 1], pixels[1, :, 0]] > 0).mean() > 0.97
    assert len(LIMB) == joints.shape[1]


def test_a_row_that_does_not_exist_is_refused(body: Body, parameters: Parameters) -> None:
    people = parameters.subjects | {"S5": parameters.person("S5").model_copy(update={"free": 99})}
    with pytest.raises(ConfigError, match=r"subjects\.S5\.free is 99, expected a row from 0 to 11"):
        cast("S5", body, parameters.model_copy(update={"subjects": people}), "free")
