"""Geometry of the renderer: coverage, depth, the room through the lens, shadow."""

import numpy as np
import pytest

from jointreg.body import load_body
from jointreg.geometry.camera import Camera
from jointreg.geometry.rasterise import rasterise
from jointreg.synthetic.motion.kinematics import figure, to_world
from jointreg.synthetic.motion.perform import perform
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.render import Painter, albedo, build_scene
from jointreg.synthetic.rig import cameras_of, look_at
from jointreg.synthetic.room import paint_room

SQUARE = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)


@pytest.fixture(scope="module")
def camera(parameters: Parameters) -> Camera:
    return cameras_of("S1", parameters)[0]


def _square(low: tuple[float, float], high: tuple[float, float]) -> np.ndarray:
    return np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])


def test_coverage_is_the_area_and_lies_where_the_shape_lies() -> None:
    generator = np.random.default_rng(0)
    area, centre = [], []
    for _ in range(300):
        low = 10 + generator.uniform(0, 1, 2)
        high = low + generator.uniform(3, 8, 2)
        points = _square(tuple(low), tuple(high))
        hits, _ = rasterise(points, np.full(4, 4.0), np.ones((4, 3)), SQUARE, 5, 5, 20, 20, 3)
        covered = hits / 9.0
        row, column = np.mgrid[5:25, 5:25]
        area.append(covered.sum() - np.prod(high - low))
        found = np.array([(covered * column).sum(), (covered * row).sum()]) / covered.sum()
        centre.append(found - (low + high) / 2)
    # Unbiased: the centre of the top-left pixel is (0, 0), and no edge is drawn too far out.
    assert abs(np.mean(area)) < 0.15
    assert np.abs(np.mean(centre, axis=0)).max() < 0.02


def test_thresholded_mask_has_no_boundary_bias() -> None:
    generator = np.random.default_rng(1)
    bias = []
    for _ in range(400):
        low = 10 + generator.uniform(0, 1, 2)
        high = low + generator.uniform(6, 9, 2)
        points = _square(tuple(low), tuple(high))
        hits, _ = rasterise(points, np.full(4, 4.0), np.ones((4, 3)), SQUARE, 5, 5, 20, 20, 3)
        width, height = high - low
        bias.append(((hits / 9.0 >= 0.5).sum() - width * height) / (2 * (width + height)))
    assert abs(np.mean(bias)) < 0.02


def test_the_nearer_surface_is_seen_whatever_the_order() -> None:
    far, near = _square((2, 2), (12, 12)), _square((5, 5), (9, 9))
    red, green = np.tile([1.0, 0, 0], (4, 1)), np.tile([0, 1.0, 0], (4, 1))
    for order in (1, -1):
        parts = [(far, np.full(4, 5.0), red), (near, np.full(4, 4.0), green)][::order]
        points, depth, colour = (np.concatenate(part) for part in zip(*parts, strict=True))
        faces = np.concatenate([SQUARE, SQUARE + 4]).astype(np.int32)
        hits, total = rasterise(points, depth, colour, faces, 0, 0, 15, 15, 3)
        assert hits.max() == 9
        np.testing.assert_allclose(total[7, 7] / 9, [0, 1, 0], atol=1e-6)
        np.testing.assert_allclose(total[3, 3] / 9, [1, 0, 0], atol=1e-6)


def test_floor_points_project_back_to_their_pixels(parameters: Parameters, camera: Camera) -> None:
    room = parameters.room
    colours = np.array([room.floor, room.ceiling, room.wall, room.skirting])
    position = -camera.rotation.T @ camera.translation
    light, floor = paint_room(
        camera.size, camera.intrinsics, camera.distortion, camera.rotation, position,
        room.half_size_m, room.height_m, colours, room.texture, 1,
    )  # fmt: skip
    row, column = np.nonzero(np.isfinite(floor[..., 0]))
    assert 0.3 < len(row) / floor[..., 0].size < 0.7
    world = np.column_stack([floor[row, column], np.zeros(len(row))]).astype(np.float64)
    found = camera.project(camera.from_world(world))
    assert np.abs(found - np.stack([column, row], axis=-1)).max() < 0.02
    assert (light > 0).all()
    assert (light < 1).all()


def test_cameras_look_at_the_middle_and_stand_upright() -> None:
    position, target = np.array([2.5, 4.4, 1.5]), np.array([0.1, -0.2, 0.9])
    rotation = look_at(position, target)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    seen = rotation @ (target - position)
    np.testing.assert_allclose(seen[:2], 0, atol=1e-12)
    assert seen[2] > 0
    assert (rotation @ [0, 0, 1])[1] < 0  # up in the room is up in the image (y points down)
    assert (rotation @ [0, 0, 1])[0] == pytest.approx(0)


def test_a_picture_is_the_room_outside_the_person_and_darker_only_in_the_shadow(
    parameters: Parameters, camera: Camera
) -> None:
    body = load_body("open")
    person = parameters.person("S1")
    who = figure(body, np.array(person.betas))
    staged = perform(
        who, "Directions", 0, np.zeros(1), parameters.motion, parameters.room.stools_m,
        np.random.default_rng(0),
    )  # fmt: skip
    vertices = body.vertices(*_with_betas(to_world(*staged, who.rest[0]), who.betas))[0]
    scene = build_scene(camera, parameters.room, 0.45)
    painter = Painter(body, person, parameters)
    silence = np.zeros(2 * camera.size[0] * camera.size[1] * 3, dtype=np.float32)
    shadow = painter.shadow(vertices)
    picture = painter.paint(scene, vertices, painter.light(vertices), shadow, silence, 0)
    left, top, width, height = picture.box
    covered = np.zeros(scene.room.shape[:2], dtype=np.uint8)
    covered[top : top + height, left : left + width] = picture.coverage
    room = np.round(scene.room_srgb)
    difference = picture.image.astype(np.float64) - room
    outside = covered == 0
    assert difference[outside].max() <= 1
    on_floor = np.isfinite(scene.floor[..., 0])
    assert np.abs(difference[outside & ~on_floor]).max() <= 1
    assert shadow[0].min() > 1 - parameters.video.shadow - 0.3
    assert 300 < (difference[outside].min(axis=1) < -12).sum() < 30000
    # The person covers about what its projected height and a slim width make plausible, and is seen.
    assert 8000 < (covered >= 128).sum() < 60000
    inside = covered == 255
    assert (np.abs(difference[inside]).max(axis=1) > 12).mean() > 0.9


def test_clothes_lie_where_they_belong(parameters: Parameters) -> None:
    body = load_body("open")
    person = parameters.person("S5")
    colour = albedo(body, person)
    template = body.template
    np.testing.assert_allclose(colour, colour[body.mirror])
    nose = template[:, 2].argmax() if template[template[:, 2].argmax(), 1] > 0.5 else None
    fingertip, crown, toe = template[:, 0].argmax(), template[:, 1].argmax(), template[:, 1].argmin()
    belly = np.linalg.norm(template - [0.0, 0.2, 0.12], axis=1).argmin()
    knee = np.linalg.norm(template - [0.11, -0.38, 0.06], axis=1).argmin()
    expected = {
        fingertip: person.skin,
        crown: person.hair,
        toe: person.shoes,
        belly: person.shirt,
        knee: person.trousers,
    }
    if nose is not None:
        expected[nose] = person.skin
    for vertex, wanted in expected.items():
        np.testing.assert_allclose(colour[vertex], wanted)


def _with_betas(
    staged: tuple[np.ndarray, ...], betas: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rotations, translation = staged
    return rotations, np.tile(betas, (len(rotations), 1)), translation
