"""Names of files to write that are refused before any work."""

import pytest

from jointreg.errors import ConfigError
from jointreg.files.output import require_other, require_picture


def test_no_input_is_replaced(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"a")
    (tmp_path / "link.npy").symlink_to(tmp_path / "a.npy")
    require_other(tmp_path / "new.npy", [tmp_path / "a.npy", None, "open"])
    for output in ("a.npy", "link.npy"):
        with pytest.raises(ConfigError, match="which it would replace"):
            require_other(tmp_path / output, [None, tmp_path / "a.npy"])
    with pytest.raises(ConfigError, match="is a folder"):
        require_other(tmp_path, [])


def test_other_pictures_are_refused():
    for name in (None, "a.png", "a.svg"):
        require_picture(name)
    with pytest.raises(ConfigError, match=r"ends in \.png, \.svg"):
        require_picture("a.txt")
