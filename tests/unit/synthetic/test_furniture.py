"""Desks and chair backs: where they stand, and what they hide."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import world

from jointreg.body import Body
from jointreg.skeleton import SMPL_24
from jointreg.synthetic.furniture import Piece, desk, furnish, stool
from jointreg.synthetic.labels import true_regressor
from jointreg.synthetic.motion.kinematics import Figure
from jointreg.synthetic.motion.stances import seat_height
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.people import cast
from jointreg.synthetic.render import Painter, Picture, Scene, build_scene
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.subject import Take, performed, posed

DESKS = world(furniture="desks")
BARE_HANDS = [SMPL_24.index(f"{side}_{name}") for side in ("left", "right") for name in
              ("shoulder", "elbow", "wrist", "hand")]  # fmt: skip


@pytest.fixture(scope="module")
def who(body: Body, parameters: Parameters) -> Figure:
    return cast("S8", body, parameters, "model")


def _take(who: Figure, parameters: Parameters, action: str, take: str) -> Take:
    true = true_regressor(who.body, parameters.labels)
    return performed(who, "S8", action, take, np.arange(8) / 2, true, parameters, 3, DESKS)


def _paint(body: Body, parameters: Parameters, scene: Scene, vertices: np.ndarray) -> Picture:
    painter = Painter(body, parameters.person("S8"), parameters)
    silence = np.zeros(2 * scene.camera.size[0] * scene.camera.size[1] * 3, dtype=np.float32)
    shadow = painter.shadow(vertices)
    return painter.paint(scene, vertices, painter.light(vertices), shadow, silence, 0)


def test_boxes_are_closed_and_their_faces_turn_outwards(parameters: Parameters) -> None:
    for piece in desk(np.array([0.3, -0.2]), 1.1, 0.45, parameters.room.desk):
        a, b, c = (piece.vertices[piece.faces[:, k]] for k in range(3))
        normals = np.cross(b - a, c - a)
        np.testing.assert_allclose(normals.sum(axis=0), 0, atol=1e-12)
        volume = (a * np.cross(b, c)).sum() / 6
        extent = np.prod(np.ptp(piece.vertices @ _turned(1.1), axis=0))
        assert volume == pytest.approx(extent, rel=1e-9)


def _turned(heading: float) -> np.ndarray:
    ahead = np.array([np.sin(heading), -np.cos(heading), 0.0])
    return np.stack([np.array([ahead[1], -ahead[0], 0.0]), ahead, [0.0, 0.0, 1.0]], axis=1)


@pytest.mark.parametrize("action", ["Sitting", "Eating"])
@pytest.mark.parametrize("take", ["1", "2"])
def test_people_sit_at_the_desk_and_only_arms_reach_into_it(
    who: Figure, parameters: Parameters, action: str, take: str
) -> None:
    recording = _take(who, parameters, action, take)
    place = np.array([*parameters.room.stools_m[int(take) - 1], 0.0])
    heading = parameters.room.desk.headings_rad[int(take) - 1]
    frame, seat = _turned(heading), seat_height(who)
    looks = recording.rotations[:, 0, :, 2] @ frame
    assert looks[:, 1].min() > 0.9
    trunk_and_legs = ~np.isin(who.body.skinning_weights.argmax(axis=1), BARE_HANDS)
    for mesh in posed(who.body, recording):
        local = (mesh[trunk_and_legs] - place) @ frame
        for piece in desk(place[:2], heading, seat, parameters.room.desk):
            corners = (piece.vertices - place) @ frame
            low, high = corners.min(axis=0), corners.max(axis=0)
            assert ((local > low) & (local < high)).all(axis=1).mean() < 0.002


def test_a_wall_before_a_person_hides_them_and_one_behind_hides_nothing(
    body: Body, who: Figure, parameters: Parameters
) -> None:
    vertices = next(iter(posed(body, _take(who, parameters, "Directions", "1"))))
    camera = cameras_of("S8", parameters)[0]
    scene = build_scene(camera, parameters.room, 0.45)
    whole = _paint(body, parameters, scene, vertices)
    centre = -camera.rotation.T @ camera.translation
    far = vertices.mean(axis=0) - centre
    across, up = np.cross(far, [0, 0, 1.0]), np.array([0, 0, 1.0])
    sides = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.5
    for share, visible in ((0.5, 0.0), (1.5, 1.0)):
        corners = centre + share * far + sides[:, :1] * across + 6 * sides[:, 1:] * up
        faces = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
        wall = Piece(corners, faces, np.full((4, 3), 0.3))
        picture = _paint(body, parameters, replace(scene, hiding=wall), vertices)
        assert picture.box == whole.box
        np.testing.assert_array_equal(picture.coverage, np.uint8(visible) * whole.coverage)
        if visible:
            np.testing.assert_array_equal(picture.image, whole.image)


def test_desks_hide_a_part_of_those_who_sit(body: Body, who: Figure, parameters: Parameters) -> None:
    seat = seat_height(who)
    vertices = next(iter(posed(body, _take(who, parameters, "Sitting", "1"))))
    visible = []
    for camera in cameras_of("S8", parameters):
        scene = build_scene(camera, parameters.room, seat, "desks")
        picture = _paint(body, parameters, scene, vertices)
        whole = _paint(body, parameters, replace(scene, hiding=None), vertices)
        assert (picture.coverage <= whole.coverage).all()
        visible.append(picture.coverage.sum(dtype=float) / whole.coverage.sum(dtype=float))
        # Where the person is hidden the picture shows the empty room's furniture.
        left, top, width, height = picture.box
        hidden = (picture.coverage == 0) & (whole.coverage == 255)
        room = np.round(scene.room_srgb[top : top + height, left : left + width])
        image = picture.image[top : top + height, left : left + width].astype(float)
        assert np.abs(image - room)[hidden].max() <= 1
    assert min(visible) > 0.35
    assert max(visible) < 0.98
    assert np.mean(visible) < 0.9


def test_a_room_with_desks_still_has_its_stools(parameters: Parameters) -> None:
    whole = furnish(parameters.room, 0.45)
    for place in parameters.room.stools_m:
        for piece in stool(np.array(place), 0.45):
            rows = (whole.vertices[:, None] == piece.vertices[:1]).all(axis=-1).any(axis=1)
            assert rows.any()
    assert whole.faces.max() == len(whole.vertices) - 1
