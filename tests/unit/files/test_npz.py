"""An npz is refused for sizes that it only declares; a large one passes, whatever it contains."""

import io
import struct
import zipfile

import numpy as np
import pytest

from jointreg.errors import DataError
from jointreg.files.npz import require_declared_sizes


def npy(array, shape=None):
    """Bytes of an npy file, with another shape in its head if one is given."""
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    if shape is None:
        return content
    old, new = str(array.shape).encode(), str(shape).encode()
    return content.replace(old + b", }" + b" " * (len(new) - len(old)), new + b", }", 1)


def archive(path, content, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("vertices.npy", content)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_honest_files_pass(tmp_path, generator, compression):
    path = archive(tmp_path / "a.npz", npy(generator.normal(size=(50, 20, 3))), compression)
    require_declared_sizes(path)
    require_declared_sizes(path, 30_000)


def test_a_shape_beyond_the_array_is_refused(tmp_path):
    path = archive(tmp_path / "a.npz", npy(np.zeros((5, 20, 3)), (5 * 10**9, 20, 3)))
    with pytest.raises(DataError, match=r"a\.npz: vertices\.npy declares 2400000000128 bytes"):
        require_declared_sizes(path)


def test_a_size_beyond_what_the_compressed_bytes_can_hold_is_refused(tmp_path, generator):
    path = archive(tmp_path / "a.npz", npy(generator.normal(size=(50, 20, 3))))
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24  # the size of the entry in the archive's directory
    content[place : place + 4] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(content)
    with pytest.raises(DataError, match="declares 4294967294 bytes"):
        require_declared_sizes(path)


def test_zeros_that_would_fill_memory_are_refused_where_they_are_read_whole(tmp_path):
    path = archive(tmp_path / "a.npz", npy(np.zeros((10_000, 20, 3))))
    require_declared_sizes(path)
    with pytest.raises(DataError, match="expected at most 1000000"):
        require_declared_sizes(path, 10**6)
