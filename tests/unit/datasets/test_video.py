"""Frames come out with their own numbers; broken files are named."""

import numpy as np
import pytest
from capture_scene import write_video

from jointreg.datasets.video import probe, read_frames, sample_frames
from jointreg.errors import DataError

COUNT = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video whose frame n is of even grey 40 + 5 n."""
    grey = (40 + 5 * np.arange(COUNT)).astype(np.uint8)
    pictures = np.broadcast_to(grey[:, None, None, None], (COUNT, 48, 64, 3))
    return write_video(tmp_path_factory.mktemp("video") / "clip.mp4", np.ascontiguousarray(pictures))


def number_of(image: np.ndarray) -> int:
    return round((float(image.mean()) - 40) / 5)


def test_probe_counts_frames_without_decoding(clip):
    info = probe(clip)
    assert (info.frames, info.width, info.height, info.rate) == (COUNT, 64, 48, 25.0)


def test_read_frames_yields_the_frames_that_were_asked_for(clip):
    wanted = [0, 3, 4, 17, COUNT - 1]
    read = list(read_frames(clip, wanted))
    assert [number for number, _ in read] == wanted
    assert [number_of(image) for _, image in read] == wanted
    assert read[0][1].shape == (48, 64, 3)
    assert read[0][1].dtype == np.uint8


def test_the_channels_are_red_green_blue(tmp_path):
    picture = np.zeros((2, 32, 32, 3), np.uint8)
    picture[..., 0] = 200
    _, image = next(read_frames(write_video(tmp_path / "red.mp4", picture), [1]))
    red, green, blue = image.reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert max(green, blue) < 20


def test_a_video_that_ends_early_is_refused_with_both_counts(clip):
    with pytest.raises(DataError, match=f"ends after {COUNT} frames, expected frame number {COUNT}"):
        list(read_frames(clip, [2, COUNT]))


def test_frame_numbers_must_ascend(clip):
    with pytest.raises(ValueError, match="must ascend"):
        list(read_frames(clip, [5, 5]))


def test_samples_spread_evenly_and_keep_their_numbers(clip):
    numbers = [number for number, _ in sample_frames(clip, 4)]
    assert numbers == [5, 15, 25, 35]
    assert [number_of(image) for _, image in sample_frames(clip, 4)] == numbers
    assert len(list(sample_frames(clip, 1000))) == COUNT


def test_long_videos_are_sampled_at_key_frames_with_their_true_numbers(tmp_path):
    count = 900
    grey = (40 + 5 * (np.arange(count) // 25)).astype(np.uint8)
    pictures = np.ascontiguousarray(np.broadcast_to(grey[:, None, None, None], (count, 32, 32, 3)))
    samples = list(sample_frames(write_video(tmp_path / "long.mp4", pictures), 3))
    assert 1 < len(samples) <= 3
    for number, image in samples:
        assert number_of(image) == number // 25


def test_truncated_and_missing_files_are_named(clip, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:300])
    with pytest.raises(DataError, match=r"broken\.mp4: not a readable video, truncated or damaged"):
        probe(broken)
    with pytest.raises(DataError, match=r"none\.mp4 does not exist"):
        list(read_frames(tmp_path / "none.mp4", [0]))
