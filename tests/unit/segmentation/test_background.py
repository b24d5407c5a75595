"""The empty room is found though a person stands in it; noise is measured, not guessed."""

from dataclasses import replace

import numpy as np
import pytest
from capture_scene import camera, coverage, empty_room, images, recording, walk, write_video

from jointreg import config, stores
from jointreg.errors import DataError
from jointreg.segmentation.background import (
    SPREAD_UNIT,
    _sample,
    background_model,
    room_statistics,
    sort_first_axis,
    sum_first_axis,
)
from jointreg.segmentation.limbs import near_limbs

VIEW = camera(400)


def test_median_and_spread_of_a_known_stack():
    generator = np.random.default_rng(1)
    sigma = np.linspace(2, 12, 60)[None, :, None]
    pictures = generator.normal(120, sigma, (101, 40, 60, 3)).round().astype(np.uint8)
    trust = np.ones(pictures.shape[:3], np.uint8)
    median, spread = room_statistics(pictures, trust)
    assert np.array_equal(median, np.median(pictures, axis=0).astype(np.uint8))
    measured = spread.mean(axis=(0, 2)) / SPREAD_UNIT
    assert np.abs(measured / sigma[0, :, 0] - 1).max() < 0.06


def test_outliers_and_distrusted_pictures_do_not_count():
    generator = np.random.default_rng(1)
    pictures = generator.normal(120, 3, (40, 10, 10, 3)).round().astype(np.uint8)
    trust = np.ones(pictures.shape[:3], np.uint8)
    pictures[:25, 2:4] = 250  # a person there most of the time, known from the labels
    trust[:25, 2:4] = 0
    pictures[:4, 6:8] = 250  # and somebody who is not labelled, one time in ten
    median, spread = room_statistics(pictures, trust)
    assert np.abs(median.astype(int) - 120).max() <= 3
    assert spread.max() / SPREAD_UNIT < 6
    trust[:, 2:4] = 0  # never seen empty: all pictures vote
    assert (room_statistics(pictures, trust)[0][2:4] == 250).all()


def test_every_pixel_has_the_statistics_of_its_own_votes(generator):
    pictures = generator.integers(0, 256, (9, 12, 10, 3), dtype=np.uint8)
    trust = generator.integers(0, 3, pictures.shape[:3], dtype=np.uint8)
    median, spread = room_statistics(pictures, trust)
    for row, column, colour in np.ndindex(median.shape):
        levels = trust[:, row, column]
        least = max((level for level in (1, 2) if (levels >= level).sum() >= 3), default=0)
        values = np.sort(pictures[levels >= least, row, column, colour].astype(float))
        cut = len(values) // 8
        middle = values[cut : len(values) - cut]
        assert median[row, column, colour] == int(np.median(values) + 0.5)
        expected = min(1.647 * SPREAD_UNIT * middle.std(), 255)
        assert abs(spread[row, column, colour] - expected) <= 0.501


@pytest.mark.parametrize("count", [1, 7, 8, 21, 128, 129, 300])
def test_rows_are_summed_as_numpy_sums_along_the_last_axis(generator, count):
    rows = generator.random((count, 5, 6), dtype=np.float32) ** 3
    expected = np.moveaxis(rows, 0, -1).copy().sum(axis=-1)
    assert np.array_equal(sum_first_axis(rows), expected)


def test_a_person_who_keeps_to_one_place_is_not_background(tmp_path):
    joints = np.concatenate([np.repeat(walk(12)[5:6], 9, axis=0), walk(12)[[0, 1, 2, 9, 10, 11]]])
    video = write_video(tmp_path / "a.mp4", images(VIEW, joints, np.random.default_rng(3)))
    arrays, facts = background_model([recording(video, VIEW, joints)], config.Background(max_frames=15))
    room = empty_room(VIEW, np.random.default_rng(5))
    there = coverage(VIEW, joints[0]) > 0
    assert np.abs(arrays["median"][0].astype(float) - room)[there].mean() < 3
    stores.BACKGROUND.write(tmp_path / "b.zarr.zip", arrays, attrs=facts)
    assert stores.BACKGROUND.read(tmp_path / "b.zarr.zip").attrs["camera_names"] == ["54138969"]


def test_pictures_count_where_their_moment_is_labelled(tmp_path):
    """Labels that begin 3 frames into the video, with gaps: the person is left out where she is."""
    joints = np.repeat(walk(12)[5:6], 8, axis=0)
    shown = np.concatenate([walk(3), joints])
    video = write_video(tmp_path / "a.mp4", images(VIEW, shown, np.random.default_rng(3)))
    joints = joints.copy()
    joints[:4] = np.nan  # as frames 4 to 7 of the video would be, were numbers taken for moments
    late = replace(recording(video, VIEW, joints), frame_offset=3, kept=np.arange(4, 8))
    pictures, trust = _sample([late], 11)
    assert len(pictures) == 4
    there = coverage(VIEW, joints[-1]) > 128
    assert (trust[:, there].max(axis=0) < trust.max()).all()


def test_cameras_of_two_sizes_share_a_store(tmp_path):
    takes = []
    for size, name in ((200, "b"), (160, "a")):
        view = camera(size, name)
        video = write_video(tmp_path / f"{name}.mp4", images(view, walk(4), np.random.default_rng(3)))
        takes.append(recording(video, view, walk(4)))
    arrays, facts = background_model(takes, config.Background(max_frames=4))
    assert facts["camera_names"] == ["a", "b"]
    assert arrays["median"].shape == (2, 200, 200, 3)
    assert (arrays["median"][0, :160, :160] > 0).all()
    assert not arrays["median"][0, 160:].any()


def test_limbs_reach_as_far_as_asked():
    joints = walk(1)
    near = near_limbs(recording("", VIEW, joints), 0, 0.10)
    metre = VIEW.intrinsics[0, 0] / joints[0, :, 2].mean()
    column, row = VIEW.project(joints[0, 3]).round().astype(int)  # an ankle, where a limb ends
    assert np.flatnonzero(near[row:, column]).max() == pytest.approx(0.10 * metre, abs=1)


def test_videos_of_one_camera_must_agree_in_size(tmp_path):
    views = camera(200), camera(160)
    takes = [
        recording(
            write_video(tmp_path / f"{n}.mp4", images(v, walk(2), np.random.default_rng(3))), v, walk(2)
        )
        for n, v in enumerate(views)
    ]
    with pytest.raises(DataError, match=r"1\.mp4: pictures of 160 x 160 px, expected 200 x 200"):
        background_model(takes, config.Background(max_frames=4))


@pytest.mark.parametrize("count", [*range(1, 18), 48, 63, 64, 65])
def test_rows_are_sorted_as_numpy_sorts_them(generator, count):
    rows = generator.integers(0, 9, (count, 3, 5), np.uint8)
    expected = np.sort(rows, axis=0)
    sort_first_axis(rows)
    assert np.array_equal(rows, expected)
