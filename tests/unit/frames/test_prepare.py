"""Crops are exact pinholes, antialiased, and in step with the labels; damaged recordings are refused."""

from dataclasses import replace

import numpy as np
import pytest
from capture_scene import camera, coverage, images, recording, walk, write_video

from jointreg import config, stores
from jointreg.datasets.checks import check_recording, check_units
from jointreg.errors import DataError, UnitError
from jointreg.frames.crops import person_intrinsics, sampler
from jointreg.frames.prepare import prepare
from jointreg.geometry.camera import project_pinhole
from jointreg.skeleton import H36M_17

SETTINGS = config.Prepare(frame_step=2, margin_m=0.3)
COUNT = 7


def dots(view, joints):
    """A white disc of 9 px on a black image at each projected joint, with exact sub-pixel centres."""
    column, row = np.meshgrid(np.arange(view.size[0]), np.arange(view.size[1]))
    image = np.zeros(column.shape)
    for x, y in view.project(joints):
        image += np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * 3.0**2))
    return np.clip(np.round(255 * image), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [400, 1000])
def test_labels_land_on_their_pixels_through_the_lens(size):
    view = camera(size)
    joints = walk(3)[0] + [0.6, -0.7, 0.0]  # near the image's edge, where the lens bends most
    apart = [joint for joint in H36M_17 if joint.endswith(("ankle", "wrist", "knee", "head_top"))]
    crop_k = person_intrinsics(joints, view.intrinsics, 0.3)
    expected = project_pinhole(joints[None], crop_k[None])[0]
    for joint in apart:
        index = H36M_17.index(joint)
        crop = sampler(view, crop_k)(dots(view, joints[index : index + 1])).astype(float)
        row, column = np.mgrid[:224, :224]
        found = np.array([(crop * column).sum(), (crop * row).sum()]) / crop.sum()
        assert np.abs(found - expected[index]).max() < 0.03


def test_a_crop_keeps_the_area_of_what_it_shows():
    view = camera(1000)
    joints = walk(3)[1]
    crop_k = person_intrinsics(joints, view.intrinsics, 0.3)
    true = coverage(view, joints)
    crop = sampler(view, crop_k)(true)
    # Near the image centre the lens changes areas by under 2 per cent.
    ratio = crop.sum() / true.sum() / (crop_k[0, 0] / view.intrinsics[0, 0]) ** 2
    assert abs(ratio - 1) < 0.02


def test_shrinking_is_antialiased():
    view = replace(camera(1000), distortion=np.zeros(5))
    stripes = np.zeros((1000, 1000), np.uint8)
    stripes[:, ::2] = 200
    crop_k = np.array([[1145.05 / 3, 0, 112], [0, 1143.78 / 3, 112], [0, 0, 1]])
    assert np.ptp(sampler(view, crop_k)(stripes).astype(int)) <= 70  # single samples would give 200


def test_the_box_leaves_the_margin_around_the_joints():
    view, joints = camera(1000), walk(3)[1]
    crop_k = person_intrinsics(joints, view.intrinsics, 0.3)
    pixels = project_pinhole(joints[None], crop_k[None])[0]
    margin = 0.3 * crop_k[0, 0] / joints[:, 2].mean()
    low, high = pixels.min(axis=0) + 0.5, 224 - (pixels.max(axis=0) + 0.5)
    assert np.allclose(low, high)
    assert np.isclose(min(low.min(), high.min()), margin)


def test_last_bits_of_labels_do_not_reach_the_crop(generator):
    view, joints = camera(), walk(1)[0]
    first = person_intrinsics(joints, view.intrinsics, 0.3)
    for _ in range(20):
        moved = joints + generator.uniform(-1e-12, 1e-12, joints.shape)
        assert np.array_equal(person_intrinsics(moved, view.intrinsics, 0.3), first)


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("takes")
    view, generator = camera(400), np.random.default_rng(2)
    made = []
    for take in ("1", "2"):
        joints = np.add(walk(COUNT), [0.0, 0.0, 0.1 * int(take)])
        video = write_video(folder / f"{take}.mp4", images(view, joints, generator))
        pixels = view.project(joints)
        made.append(recording(video, view, joints, take, joints_image_px=pixels))
    return made


def test_a_prepared_sequence_fits_its_schema_and_its_pixels(takes, tmp_path):
    arrays, facts = prepare([takes[0], replace(takes[1], frames=range(1, 6))], SETTINGS)
    assert arrays["take"].tolist() == [0, 0, 0, 0, 1, 1]
    assert arrays["frame"].tolist() == [0, 2, 4, 6, 2, 4]
    stores.FRAMES.write(tmp_path / "frames.zarr.zip", arrays, attrs=facts)
    frames = stores.FRAMES.read(tmp_path / "frames.zarr.zip")
    assert frames.attrs["rows"] == stores.rows_digest(frames.take, frames.camera, frames.frame)
    assert frames.attrs["image_size"] == {"54138969": [400, 400]}
    expected = project_pinhole(frames.joints_cam.astype(float), frames.crop_intrinsics)
    assert np.abs(frames.joints_px - expected).max() < 1e-4
    # The shirt is red at the spine and the trousers blue at the knees, in every frame.
    rows = np.arange(len(frames.frame))
    for joint, channel in (("spine", 0), ("left_knee", 2)):
        x, y = frames.joints_px[:, H36M_17.index(joint)].round().astype(int).T
        assert (frames.crops[rows, y, x].argmax(axis=-1) == channel).all()


def test_an_offset_video_gives_the_same_crops(takes, tmp_path):
    view, generator = camera(400), np.random.default_rng(2)
    joints = takes[0].joints_cam
    early = np.concatenate([joints[:1], joints[:1], joints])
    video = write_video(tmp_path / "early.mp4", images(view, early, generator))
    arrays, _ = prepare([replace(takes[0], video=video, frame_offset=2)], SETTINGS)
    straight, _ = prepare([takes[0]], SETTINGS)
    assert np.array_equal(arrays["frame"], straight["frame"])
    assert np.abs(arrays["crops"].astype(int) - straight["crops"]).mean() < 3


def test_preparing_twice_gives_the_same_bytes(takes):
    first, second = (prepare(takes, SETTINGS)[0] for _ in range(2))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_a_video_shorter_than_its_labels_is_refused_with_both_counts(takes):
    longer = replace(takes[0], joints_cam=walk(COUNT + 2), joints_image_px=None)
    with pytest.raises(DataError, match=f"video has {COUNT} frames, labels of .* need {COUNT + 2}"):
        prepare([longer], SETTINGS)


def test_frames_before_the_video_begins_are_refused(takes):
    late = replace(takes[0], frame_offset=-2)
    with pytest.raises(DataError, match=r"before the video begins(.|\n)*first_frame to 2"):
        check_recording(late)
    check_recording(replace(late, frames=range(2, COUNT)))


def test_an_all_black_video_is_refused(takes, tmp_path):
    video = write_video(tmp_path / "black.mp4", np.zeros((COUNT, 400, 400, 3), np.uint8))
    with pytest.raises(DataError, match=r"black\.mp4: all 4 frames are black"):
        prepare([replace(takes[0], video=video)], SETTINGS)


def test_a_missing_video_is_named(takes, tmp_path):
    with pytest.raises(DataError, match=r"none\.mp4 does not exist"):
        prepare([replace(takes[0], video=tmp_path / "none.mp4")], SETTINGS)


@pytest.mark.parametrize(
    ("factor", "message"),
    [(1000.0, "millimetres taken for metres"), (0.001, "metres taken for millimetres")],
)
def test_labels_in_the_wrong_unit_are_refused(takes, factor, message):
    with pytest.raises(UnitError, match=message):
        prepare([replace(takes[0], joints_cam=takes[0].joints_cam * factor)], SETTINGS)
    check_units(takes[0].joints_cam, "the right unit passes")


def changed(takes, edit):
    joints = takes[0].joints_cam.copy()
    edit(joints)
    return replace(takes[0], joints_cam=joints)


def test_nan_labels_are_refused_by_joint_and_frame(takes):
    def edit(joints):
        joints[3, H36M_17.index("right_knee"), 1] = np.nan

    with pytest.raises(DataError, match="joint right_knee of frame 3 is NaN"):
        check_recording(changed(takes, edit))


def test_joints_behind_the_camera_are_refused(takes):
    def edit(joints):
        joints[5, :, 2] *= -1

    with pytest.raises(DataError, match="frame 5 lies -"):
        check_recording(changed(takes, edit))


def test_shifted_2d_labels_are_refused_by_take_and_camera(takes):
    moved = replace(takes[0], joints_image_px=np.add(takes[0].joints_image_px, [2.0, 1.5]))
    with pytest.raises(DataError, match=r"take 1 camera 54138969: .* lie 2\.5 px"):
        check_recording(moved)
    check_recording(replace(takes[0], joints_image_px=takes[0].joints_image_px + 1.0))


def test_a_window_without_a_wanted_frame_is_refused(takes):
    with pytest.raises(DataError, match="no frame number from 3 to 3 is a multiple"):
        prepare([replace(takes[0], frames=range(3, 4))], SETTINGS)
