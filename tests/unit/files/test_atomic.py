"""A file is whole or not there: after an error, beside another writer, by every module that writes."""

import numpy as np
import pytest

from jointreg import stores
from jointreg.errors import DataError
from jointreg.files.atomic import replace_file, replacing


def test_the_file_appears_whole_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "deep" / "labels.npz"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".npz"
        np.savez(temporary, a=np.arange(3))
        assert not path.exists()
    assert list(np.load(path)["a"]) == [0, 1, 2]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("written", [True, False])
def test_an_error_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path, written):
    path = tmp_path / "file.bin"
    replace_file(path, b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        if written:
            temporary.write_bytes(b"ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_at_once_do_not_meet(tmp_path):
    path = tmp_path / "file.bin"
    with replacing(path) as first:
        first.write_bytes(b"first")
        with replacing(path) as second:
            assert second != first
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    with pytest.raises(DataError, match="NUL"):
        replace_file(f"{tmp_path}/a\0b", b"")


def _write_discriminator(path):
    import torch

    from jointreg.refine.discriminator import Discriminator

    Discriminator.create(torch.Generator().manual_seed(1)).save(path)


def _write_labels(path):
    from jointreg.labels.make import write_labels

    write_labels(path, {"about": np.array("text")})


def _write_tracks(path):
    from jointreg.labels.tracking import write_tracks

    write_tracks(path, {"left": {"rate": np.array(50.0)}})


def _write_cdf(path):
    from jointreg.synthetic.layout import write_cdf

    write_cdf(path, np.arange(6.0).reshape(2, 3))


def _write_video(path):
    from jointreg.synthetic.layout import writing_video
    from jointreg.synthetic.parameters import Video

    video = Video.model_construct(crf=23, preset="ultrafast")
    with writing_video(path, (32, 32), 25.0, video) as append:
        append(np.zeros((32, 32, 3), np.uint8))


def _write_store(path):
    rotations = np.tile(np.eye(3, dtype=np.float32), (2, 24, 1, 1))
    arrays = {"betas": np.ones((2, 10)), "translation": np.ones((2, 3)), "rotations": rotations}
    stores.BODIES.write(path, arrays)


WRITERS = {
    "discriminator.pt": _write_discriminator,
    "labels.npz": _write_labels,
    "tracks.npz": _write_tracks,
    "pose.cdf": _write_cdf,
    "video.mp4": _write_video,
    "bodies.zarr.zip": _write_store,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_leaves_one_file_of_the_same_bytes(tmp_path, name):
    first, second = tmp_path / "one" / name, tmp_path / "two" / name
    WRITERS[name](first)
    WRITERS[name](second)
    assert first.read_bytes() == second.read_bytes()
    assert list(first.parent.iterdir()) == [first]


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_that_fails_at_the_last_step_leaves_the_old_file(tmp_path, name):
    """A folder in the file's place: the new file is written in full, and cannot take the place."""
    path = tmp_path / name
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError):
        WRITERS[name](path)
    assert list(tmp_path.iterdir()) == [path]
