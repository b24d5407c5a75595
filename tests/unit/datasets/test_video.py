"""Frames come out with their own numbers; broken files are named."""

import struct

import av
import cv2
import numpy as np
import pytest
from capture_scene import write_video

from jointreg.datasets.video import frames_by_header, probe, read_frames, sample_frames
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


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_header_tells_how_long_a_video_is(clip, tmp_path, suffix):
    """MP4 counts its pictures, Matroska only gives a duration."""
    copy = tmp_path / f"copy{suffix}"
    with av.open(str(clip)) as source, av.open(str(copy), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert frames_by_header(copy) == COUNT


def test_read_frames_yields_the_frames_that_were_asked_for(clip):
    wanted = [0, 3, 4, 17, COUNT - 1]
    read = list(read_frames(clip, wanted))
    assert [number for number, _ in read] == wanted
    assert [number_of(image) for _, image in read] == wanted
    assert read[0][1].shape == (48, 64, 3)
    assert read[0][1].dtype == np.uint8


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A video of moving noise, in which many pictures are no reference of others."""
    generator = np.random.default_rng(0)
    scene = cv2.blur(generator.integers(0, 255, (96, 256, 3), np.uint8), (3, 3))
    pictures = np.stack([np.roll(scene, 2 * n, axis=1)[:, :96] for n in range(61)])
    return write_video(tmp_path_factory.mktemp("video") / "walk.mp4", np.ascontiguousarray(pictures))


def every_picture(path) -> list[np.ndarray]:
    """All pictures as FFmpeg decodes them, none skipped."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("step", [1, 2, 5, 7, 60])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_pictures_between_wanted_ones_change_no_bit_of_these(walk, first, step):
    everything = every_picture(walk)
    assert len(everything) == 61
    wanted = range(first, 61, step)
    read = list(read_frames(walk, wanted))
    assert [number for number, _ in read] == list(wanted)
    assert all(np.array_equal(image, everything[number]) for number, image in read)


def copied(path, name, keep=lambda packet: True):
    """The packets of a video in another file, not encoded again."""
    with av.open(str(path)) as container, av.open(str(path.with_name(name)), "w") as other:
        stream = other.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None and keep(packet):
                packet.stream = stream
                other.mux(packet)
    return path.with_name(name)


@pytest.mark.parametrize("name", ["walk.mkv", "walk.ts", "walk.h264"])
def test_frames_of_other_containers_have_the_same_bits(walk, name):
    everything = every_picture(walk)
    read = list(read_frames(copied(walk, name), range(1, 61, 5)))
    assert len(read) == 12
    assert all(np.array_equal(image, everything[number]) for number, image in read)


def test_a_film_that_begins_before_its_first_key_frame_is_numbered_as_it_is_shown(walk):
    path = copied(walk, "cut.mp4", lambda packet: packet.dts > 4 * packet.duration)
    shown = every_picture(path)
    read = list(read_frames(path, range(0, len(shown), 3)))
    assert all(np.array_equal(image, shown[number]) for number, image in read)


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


ONE = 1 << 16
UNTURNED = struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)


def with_matrix(clip, path, a, b, c, d):
    """A copy whose header asks for a turn: the display matrix of its track, in units of one."""
    raw = clip.read_bytes()
    at = raw.index(UNTURNED, raw.index(b"tkhd"))
    matrix = struct.pack(">9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    path.write_bytes(raw[:at] + matrix + raw[at + 36 :])
    return path


@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
def test_a_turn_in_the_header_is_made_as_opencv_makes_it(tmp_path, generator, turn):
    noise = generator.integers(0, 255, (3, 6, 8, 1), np.uint8).repeat(8, 1).repeat(8, 2)
    clip = write_video(tmp_path / "a.mp4", np.ascontiguousarray(noise.repeat(3, 3)))
    turned = with_matrix(clip, tmp_path / "turned.mp4", *turn)
    _, ours = next(read_frames(turned, [0]))
    _, theirs = cv2.VideoCapture(str(turned)).read()
    assert np.array_equal(ours, theirs[..., ::-1])
    info = probe(turned)
    assert (info.height, info.width) == ours.shape[:2] and info.frames == 3


def test_mirrored_and_tilted_pictures_are_refused(clip, tmp_path):
    for name, matrix in (("mirror", (-1, 0, 0, 1)), ("tilt", (1, 1, -1, 1))):
        with pytest.raises(DataError, match="mirrors the pictures or turns them"):
            probe(with_matrix(clip, tmp_path / f"{name}.mp4", *matrix))


def test_frames_that_the_edit_list_leaves_out_are_not_counted(clip, tmp_path):
    """The header starts the film four frames later: OpenCV and players number what is shown."""
    raw = bytearray(clip.read_bytes())
    at = raw.index(b"elst") + 16  # type, version and flags, count, duration; then the first moment
    scale = struct.unpack(">I", raw[raw.index(b"mdhd") + 16 : raw.index(b"mdhd") + 20])[0]
    (start,) = struct.unpack(">i", raw[at : at + 4])
    raw[at : at + 4] = struct.pack(">i", start + 4 * scale // 25)
    path = tmp_path / "cut.mp4"
    path.write_bytes(raw)
    assert probe(path).frames == COUNT - 4
    assert number_of(next(read_frames(path, [0]))[1]) == 4
    assert len(list(read_frames(path, range(COUNT - 4)))) == COUNT - 4


def test_a_broken_picture_is_refused_with_its_number(tmp_path, generator):
    """Bytes of one picture are zeroed: the decoder conceals it, and goes on."""
    noise = generator.integers(0, 255, (20, 6, 8, 1), np.uint8).repeat(16, 1).repeat(16, 2)
    clip = write_video(tmp_path / "a.mp4", np.ascontiguousarray(noise.repeat(3, 3)))
    with av.open(str(clip)) as container:
        packets = [(p.pos, p.size, p.pts) for p in container.demux(video=0) if p.size]
    raw = bytearray(clip.read_bytes())
    pos, size, _ = packets[10]
    raw[pos + size // 2 : pos + size] = bytes(size - size // 2)
    path = tmp_path / "broken.mp4"
    path.write_bytes(raw)
    assert len(list(read_frames(path, range(3)))) == 3
    with pytest.raises(DataError, match=r"broken\.mp4: frame \d+ cannot be used|not a readable video"):
        list(read_frames(path, range(20)))
