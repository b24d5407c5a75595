"""What stands under the name of a file: the error names it."""

import os
import re

import pytest

from jointreg.errors import ConfigError, DataError
from jointreg.files.input import is_given, read_file, require_file


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
    (tmp_path / "some").write_bytes(b"x")
    assert read_file(tmp_path / "some", "table", None) == b"x"
    assert read_file(tmp_path / "empty", "table", None, may_be_empty=True) == b""


def test_a_link_to_nothing_is_named_with_what_it_names(tmp_path):
    """Also through another link, as a folder on the way, and round in a circle."""
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "second").symlink_to("link")
    (tmp_path / "circle").symlink_to("circle")
    gone = f"is a link to {tmp_path.resolve()}/gone, which does not exist"
    for name, fault in (
        ("link", f"link {gone}"),
        ("second", f"second {gone}"),
        ("link/labels", f"link/labels does not exist: {tmp_path}/link {gone}"),
        ("circle", "circle is a link to itself"),
    ):
        with pytest.raises(DataError, match=re.escape(fault)):
            require_file(tmp_path / name, "labels", "fetch it")
        assert is_given(tmp_path / name)
    assert not is_given(tmp_path / "none")
