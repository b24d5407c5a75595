"""What stands under the name of a file: the error names it."""

import os

import pytest

from jointreg.errors import ConfigError, DataError
from jointreg.files.input import read_file, require_file


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for name, words in {
        "none": "none does not exist",
        "pipe": "pipe is a device or a pipe",
        "empty": "empty is an empty file",
        ".": "is a folder, expected a file",
        "n" * 300: "n",
        "nul\0": "does not exist",
    }.items():
        with pytest.raises(DataError, match=rf"labels .*{words}(.|\n)*next: +fetch it"):
            require_file(tmp_path / name, "labels", "fetch it")
    with pytest.raises(ConfigError, match="does not exist"):
        read_file(tmp_path / "none", "table", None, ConfigError)
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(DataError, match=r"labels .*link is a link to gone, which does not exist"):
        require_file(tmp_path / "link", "labels", "fetch it")
    with pytest.raises(
        DataError, match=r"does not exist: .*link is a link to gone, which does not exist"
    ):
        require_file(tmp_path / "link/labels", "labels", "fetch it")
    (tmp_path / "some").write_bytes(b"x")
    assert read_file(tmp_path / "some", "table", None) == b"x"
    assert read_file(tmp_path / "empty", "table", None, may_be_empty=True) == b""
