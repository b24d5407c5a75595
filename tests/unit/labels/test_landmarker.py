"""Windows, crops and tracks; the network itself where its file has been fetched."""

import numpy as np
import pytest
from project import ROOT

from jointreg.errors import DataError, ShapeError
from jointreg.labels.landmarker import (
    BLAZEPOSE_33,
    MARGIN,
    MIRROR_33,
    Box,
    Landmarker,
    Look,
    _mask_in,
    around,
    around_joints,
    cut,
    segment_crops,
)
from jointreg.labels.tracking import follow, read_tracks, write_tracks
from jointreg.skeleton import H36M_17

LAB = ROOT / "data" / "lab"
NETWORK = LAB / "pose_landmark_full.tflite"
needs_network = pytest.mark.skipif(
    not NETWORK.is_file(), reason="run tools/fetch_lab.py to fetch the network"
)


def blob(size, centre, width):
    column, row = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    value = 250 * np.exp(-((column - centre[0]) ** 2 + (row - centre[1]) ** 2) / (2 * width**2))
    return np.repeat(value[..., None], 3, axis=2).astype(np.uint8)


def centre_of(image):
    weight = image.astype(float).reshape(*image.shape[:2], -1).mean(-1)
    column, row = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
    return np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()


@pytest.mark.parametrize("side", [200.0, 300.0, 700.0])
@pytest.mark.parametrize("angle", [0.0, 0.6, -2.5])
def test_a_point_of_the_crop_is_the_same_point_of_the_image(side, angle):
    """Also where the window sticks out of the image, shrinks it, or turns it."""
    image, box = blob((640, 480), (350.3, 201.8), side / 40), Box(300.0, 260.5, side, angle)
    found = centre_of(cut(image, box))
    np.testing.assert_allclose(box.to_image(found + 0.5), [350.3, 201.8], atol=0.02 * side / 10)


def test_shrinking_does_not_alias():
    """A fine chequerboard becomes grey, not a pattern."""
    board = 255 * (np.indices((1600, 1600)).sum(0) % 2).astype(np.uint8)
    crop = cut(np.repeat(board[..., None], 3, axis=2), Box(800, 800, 1024, 0.3))
    assert crop.astype(float).std() < 6


@pytest.mark.parametrize("angle", [0.0, 0.6, -2.5])
def test_a_mask_comes_back_where_it_was_seen(angle):
    """Cut a blob out of an image, take the cut for the mask, put it back: the blob is in its place."""
    image, box = blob((224, 224), (130.4, 96.7), 12), Box(118.0, 107.0, 180.0, angle)
    seen = cut(image, box)[..., 0].astype(np.float32) / 255
    look = Look(box, np.zeros((33, 2)), np.ones(33), 1.0, seen)
    back = _mask_in(look, 224)
    np.testing.assert_allclose(centre_of(back), centre_of(image), atol=0.1)
    assert np.abs(back.astype(int) - image[..., 0]).max() < 6


def leaning(angle, height=400.0):
    """33 landmarks of a person upright in the image, turned clockwise by `angle` about (500, 600)."""
    points = np.zeros((33, 2))
    for index, name in enumerate(BLAZEPOSE_33):
        part = next(
            (p for p in ("shoulder", "hip", "knee", "ankle", "heel", "foot") if p in name), "head"
        )
        share = {"head": -0.5, "shoulder": -0.3, "hip": 0.0, "knee": 0.25, "ankle": 0.45}.get(part, 0.5)
        points[index] = 40 * name.startswith("left") - 40 * name.startswith("right"), share * height
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + [500, 600]


@pytest.mark.parametrize("angle", [0.0, 0.7, -1.5, 3.0])
def test_the_window_turns_with_the_trunk_and_holds_the_body(angle):
    box = around(leaning(angle))
    assert abs((box.angle - angle + np.pi) % (2 * np.pi) - np.pi) < 1e-9
    assert abs(box.side - MARGIN * 400) < 1e-6
    np.testing.assert_allclose([box.x, box.y], [500, 600], atol=1e-6)


def test_the_window_of_labels_turns_like_that_of_landmarks():
    from jointreg.labels.make import h36m_joints

    points = leaning(0.9)
    joints = h36m_joints(points)
    assert joints.shape == (len(H36M_17), 2)
    assert abs(around_joints(joints).angle - around(points).angle) < 1e-9


def test_mirror_swaps_left_and_right_and_nothing_else():
    assert np.array_equal(MIRROR_33[MIRROR_33], np.arange(33))
    unpaired = [index for index, other in enumerate(MIRROR_33) if index == other]
    assert [BLAZEPOSE_33[index] for index in unpaired] == ["nose"]
    for index, name in enumerate(BLAZEPOSE_33):
        assert BLAZEPOSE_33[MIRROR_33[index]].replace("left", "").replace("right", "") == name.replace(
            "left", ""
        ).replace("right", "")


def test_tracks_survive_the_file(tmp_path):
    track = {
        "points_px": np.full((2, 33, 2), np.nan),
        "visibility": np.zeros((2, 33)),
        "presence": np.zeros(2),
        "size": np.array([640, 480]),
        "rate": np.array(60.0),
    }
    tracks = {"cam 1": track}
    write_tracks(tmp_path / "t.npz", tracks)
    read = read_tracks(tmp_path / "t.npz")
    assert list(read) == ["cam 1"] and float(read["cam 1"]["rate"]) == 60
    assert np.isnan(read["cam 1"]["points_px"]).all()
    first = (tmp_path / "t.npz").read_bytes()
    write_tracks(tmp_path / "t.npz", tracks)
    assert (tmp_path / "t.npz").read_bytes() == first
    (tmp_path / "t.npz").write_bytes(first[:100])
    with pytest.raises(DataError, match="not a readable npz"):
        read_tracks(tmp_path / "t.npz")
    words = {"points_px": np.full((2, 33, 2), "x"), "presence": np.zeros(3), "rate": np.zeros(2)}
    for key, value in words.items():
        write_tracks(tmp_path / "t.npz", {"cam 1": track | {key: value}})
        with pytest.raises(DataError, match=r"t\.npz is no file of landmarks: .*(.|\n)*snakemake -f"):
            read_tracks(tmp_path / "t.npz")
    write_tracks(tmp_path / "t.npz", {})
    with pytest.raises(DataError, match="is no file of landmarks"):
        read_tracks(tmp_path / "t.npz")


def test_a_missing_or_wrong_network_is_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Landmarker(tmp_path / "none.tflite")
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "bad.tflite").write_bytes(b"no network" * 100)
    with pytest.raises(DataError, match="not a TensorFlow Lite network"):
        Landmarker(tmp_path / "bad.tflite")


@pytest.fixture(scope="module")
def landmarker():
    pytest.importorskip("ai_edge_litert")
    return Landmarker(NETWORK)


@pytest.fixture(scope="module")
def picture():
    from jointreg.datasets.video import read_frames

    return next(read_frames(LAB / "balance" / "cam02.mp4", [0]))[1]


@needs_network
def test_nobody_is_found_in_an_empty_picture(landmarker):
    track = follow(landmarker, [np.full((480, 640, 3), 90, np.uint8)])
    assert np.isnan(track.points_px).all() and track.presence[0] == 0
    masks, scores = segment_crops(landmarker, np.full((1, 224, 224, 3), 90, np.uint8))
    assert scores[0] == 0 and not masks.any()


@needs_network
def test_the_person_is_found_upright_and_the_same_in_a_turned_picture(landmarker, picture):
    """The trunk stands upright; half a person's lean of the camera moves the landmarks along."""
    upright = follow(landmarker, [picture]).points_px[0]
    shoulders, hips, ankles = (
        upright[[BLAZEPOSE_33.index(f"{side}_{name}") for side in ("left", "right")]].mean(0)
        for name in ("shoulder", "hip", "ankle")
    )
    assert shoulders[1] < hips[1] < ankles[1]
    height = np.ptp(upright[:, 1])
    turned = np.ascontiguousarray(cut_out(picture, 0.35))
    found = follow(landmarker, [turned]).points_px[0]
    cosine, sine = np.cos(0.35), np.sin(0.35)
    expected = (upright - [540, 800]) @ np.array([[cosine, -sine], [sine, cosine]]).T + [540, 800]
    assert np.median(np.linalg.norm(found - expected, axis=-1)) < 0.03 * height


@needs_network
def test_mask_follows_the_crop(landmarker, picture):
    """A crop moved by 20 pixels moves the mask by 20 pixels; a mask is mostly sure of itself."""
    import cv2

    small = cv2.resize(picture, (540, 960), interpolation=cv2.INTER_AREA)[160:620, 20:480]
    crops = np.stack([cv2.resize(p, (224, 224), interpolation=cv2.INTER_AREA) for p in (small,)])
    moved = np.roll(crops, 20, axis=2)
    masks, scores = segment_crops(landmarker, np.concatenate([crops, moved]))
    assert scores.min() > 0.9
    first, second = (m.astype(float) / 255 for m in (np.roll(masks[0], 20, axis=1), masks[1]))
    assert np.minimum(first, second).sum() / np.maximum(first, second).sum() > 0.93
    assert np.mean((masks > 50) & (masks < 205)) < 0.05


def cut_out(picture, angle):
    import cv2

    matrix = cv2.getRotationMatrix2D((540, 800), -np.degrees(angle), 1.0)
    return cv2.warpAffine(picture, matrix, (picture.shape[1], picture.shape[0]))


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match="uint8"):
        segment_crops(None, np.zeros((1, 224, 224, 3)))
    with pytest.raises(ShapeError, match="joints_px"):
        segment_crops(None, np.zeros((2, 224, 224, 3), np.uint8), np.zeros((1, 17, 2)))
