"""Each method's crop shows what its rule says, where the matrix that comes with it says."""

from dataclasses import replace

import numpy as np
import pytest
from capture_scene import camera, images, recording, walk, write_video

from jointreg import config
from jointreg.config.methods import NETWORKS, Method
from jointreg.errors import DataError
from jointreg.estimators.input_crops import (
    RULES,
    SKIN_M,
    arrays_for,
    body_boxes,
    cut_reference,
    cut_spin,
    cut_warp,
    network_crops,
    smoothed,
)
from jointreg.evaluation.network_words import CROPS, protocol_words
from jointreg.frames.prepare import prepare
from jointreg.geometry.camera import project_pinhole

CENTRE, SIDE = np.array([251.3, 198.6]), 333.0


def texture(generator, height=400, width=500):
    return generator.integers(20, 230, (height, width, 3), dtype=np.uint8)


def dot(x, y, height=400, width=500):
    """A soft white disc with its middle at a place between pixels."""
    row, column = np.mgrid[:height, :width]
    light = np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * 4.0**2))
    return np.repeat(np.round(255 * light).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("crop", RULES)
@pytest.mark.parametrize("place", [(251.3, 198.6), (180.7, 122.2), (330.1, 270.4)])
def test_a_dot_lands_where_the_crop_says(crop, place):
    found, (scale, shift) = RULES[crop].cut(dot(*place), CENTRE, RULES[crop].factor * SIDE)
    weight = found[..., 0].astype(float)
    row, column = np.mgrid[:224, :224]
    middle = np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()
    assert np.abs(middle - (scale * place + shift)).max() < 0.05
    assert found.shape == (224, 224, 3)
    assert found.dtype == np.float32


def test_spin_cuts_whole_pixels_and_truncates_towards_zero(generator):
    """A square as large as the crop is not resampled, so that its pixels are the image's own."""
    image = texture(generator)
    found, _ = cut_spin(image, np.array([250.5, 199.5]), 224.0, stretch=False)
    assert np.array_equal(np.round(found * 255), image[88:312, 139:363])
    # 100.2 - 112 and 100.2 + 112, counted from edges: -11.8 and 212.2 become -11 and 212.
    left, (scale, shift) = cut_spin(image, np.array([99.7, 199.5]), 224.0, stretch=False)
    assert np.allclose(left[:, : int(11 * 224 / 223) - 1], 0)
    assert np.allclose(scale, [224 / 223, 1])
    assert np.allclose((np.array([-11.5, 87.5]) * scale + shift), -0.5)


def test_spin_stretches_the_contrast_of_what_it_cuts(generator):
    image = np.clip(texture(generator), 50, 200)
    plain, _ = cut_spin(image, np.array([250.5, 199.5]), 224.0, stretch=False)
    stretched, _ = cut_spin(image, np.array([250.5, 199.5]), 224.0)
    expected = (np.round(plain * 255) - 50) * 255 / 150
    assert np.abs(stretched * 255 - expected).max() <= 0.501
    assert stretched.min() == 0
    assert stretched.max() == 1
    image[200, 250] = [0, 255, 128]  # black and white in the picture: nothing to stretch
    assert np.array_equal(*(cut_spin(image, CENTRE, 224.0, stretch=on)[0] for on in (True, False)))


def test_the_reference_codes_crop_is_grid_sample_of_the_formula(generator):
    """Position (2 i / (n - 1) - 1) side / 2 + centre of an image of 1000 x 1000, normalised to -1..1."""
    import torch

    image = texture(generator, 1002, 1000)
    centre, side = np.array([90.2, 871.9]), 401.7  # beyond two edges
    steps = np.linspace(-1, 1, 224) * side / 2
    x, y = ((steps + c + 0.5 - 500) / 500 for c in centre)  # the code counts from a pixel's edge
    grid = torch.from_numpy(np.stack(np.meshgrid(x, y), -1)[None])
    whole = torch.from_numpy(image[:1000] / 255).permute(2, 0, 1)[None]
    expected = torch.nn.functional.grid_sample(whole, grid, align_corners=False)[0].permute(1, 2, 0)
    found, _ = cut_reference(image, centre, side)
    assert np.abs(found - expected.numpy()).max() < 1e-5


def test_only_spin_antialiases():
    stripes = np.zeros((900, 900, 3), np.uint8)
    stripes[:, ::2] = 200
    square = np.array([450.0, 450.0]), 600.0
    spread = {
        cut.__name__: np.ptp(cut(stripes, *square)[0][50:-50, 50:-50])
        for cut in (cut_warp, cut_reference)
    }
    spin, _ = cut_spin(stripes, *square, stretch=False)
    assert min(spread.values()) > 2 * np.ptp(spin[50:-50, 50:-50])


def test_the_box_is_that_of_the_joints_grown_to_the_skin():
    view, joints = replace(camera(500), distortion=np.zeros(5)), walk(3)
    boxes = body_boxes(recording("none.mp4", view, joints))
    for box, pose in zip(boxes, joints, strict=True):
        pixels = view.project(pose)
        metre = view.intrinsics[0, 0] / pose[:, 2].mean()
        height = np.ptp(pixels[:, 1]) + metre * (SKIN_M[0][1] + SKIN_M[1][1])
        assert np.isclose(box[2], height)  # the figure is taller than wide
        low = pixels.min(0) - metre * np.array(SKIN_M[0])
        high = pixels.max(0) + metre * np.array(SKIN_M[1])
        assert np.allclose(box[:2], (low + high) / 2)


def test_smoothing_keeps_what_stands_still_and_drops_an_outlier():
    boxes = np.tile([100.0, 120.0, 80.0], (40, 1))
    assert np.allclose(smoothed(boxes), boxes)
    boxes[20] = [900.0, 0.0, 3.0]
    assert np.allclose(smoothed(boxes), [100.0, 120.0, 80.0])


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A recording, and its frames as `prepare` leaves them."""
    view, joints = camera(400), walk(5)
    pictures = images(view, joints, np.random.default_rng(2))
    made = recording(write_video(tmp_path_factory.mktemp("scene") / "1.mp4", pictures), view, joints)
    return made, *prepare([made], config.Prepare(frame_step=2, margin_m=0.25))


@pytest.mark.parametrize("crop", [*RULES, "prepared"])
def test_the_matrix_of_a_crop_projects_the_person_onto_her_picture(crop, scene):
    """The middle's ray is exact; at the edges the lens, left out, bends by a few pixels."""
    made, frames, facts = scene
    needed = {key: frames[key] for key in arrays_for(crop)}
    seen = list(network_crops(needed, facts, [made], crop))
    assert [row for row, _, _ in seen] == [0, 1, 2]
    for row, image, matrix in seen:
        place = project_pinhole(frames["joints_cam"][row][None].astype(float), matrix[None])[0]
        if crop != "meva":  # five frames are too few for a smooth box to follow her
            shirt = image[*place[7][::-1].round().astype(int)]  # spine
            trousers = image[*place[2][::-1].round().astype(int)]  # left knee
            assert shirt.argmax() == 0
            assert trousers.argmax() == 2
        ray = np.linalg.solve(matrix, [111.5, 111.5, 1.0])
        if crop != "prepared":
            boxes = smoothed(body_boxes(made)) if crop == "meva" else body_boxes(made)
            apart = made.camera.project(ray[None])[0] - boxes[frames["frame"][row]][:2]
            assert np.abs(apart).max() < 1.0  # whole pixels, or half a pixel of the crop


def test_the_matrix_is_exact_without_a_lens():
    from jointreg.estimators.input_crops import _pinhole

    view = replace(camera(500), distortion=np.zeros(5))
    made = recording("none.mp4", view, walk(1))
    x, y, side = body_boxes(made)[0]
    for rule in RULES.values():
        _, (scale, shift) = rule.cut(np.zeros((500, 500, 3), np.uint8), np.array([x, y]), side)
        found = project_pinhole(made.joints_cam, _pinhole(made, np.array([scale, shift]))[None])
        assert np.abs(found[0] - (scale * view.project(made.joints_cam[0]) + shift)).max() < 1e-9


def test_a_recording_that_is_not_there_is_named(scene):
    _, frames, facts = scene
    with pytest.raises(DataError, match="no recording of take 1, camera 54138969"):
        list(network_crops(frames, facts, [], "spin"))


def test_every_rule_has_words_and_the_caption_says_who_was_shown_what(open_config):
    assert set(CROPS) == {*RULES, "prepared"} == set(config.settings.Crop.__args__)
    settings = open_config.run_network.model_copy(
        update={"crops": config.Crops(spin="spin", vibe="reference_code", meva="reference_code")}
    )
    methods = [
        Method(kind, kind, kind.upper(), "", "", "", "", "") for kind in (*NETWORKS, "predictions")
    ]
    words = protocol_words(settings, methods, "SMPL_NEUTRAL.npz")
    assert "Input of SPIN: crops by SPIN's rule for Human3.6M" in words
    assert "Input of VIBE, MEVA: crops by the reference code's rule" in words
    assert "Input of VIBE_SEQUENCE, MEVA_SEQUENCE: crops by the reference code's rule" in words
    assert words.count("each frame by itself") == 2
    assert words.count("whole recordings") == 1
    assert "PREDICTIONS" not in words
    assert "open body" not in words
    assert "not a measure of the networks" in protocol_words(settings, methods, "open")
    assert protocol_words(settings, methods[-1:], "open") == ""
