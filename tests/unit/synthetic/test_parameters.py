"""The generator's parameters: what is no such file is refused by name."""

import pytest

from jointreg.errors import ConfigError
from jointreg.synthetic.parameters import load_parameters


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfe", "is not YAML"),
        (b"a: " + b"[" * 10**4, "is not YAML"),
        (b"a: 1\na: 2\n", "key 'a' stands twice"),
        (b"- 1\n", "contains a list"),
        (b"a: 1\n", "Extra inputs are not permitted"),
    ],
)
def test_other_files_are_refused(tmp_path, raw, words):
    (tmp_path / "generator.yaml").write_bytes(raw)
    with pytest.raises(ConfigError, match=rf"generator\.yaml(.|\n)*{words}"):
        load_parameters(tmp_path / "generator.yaml")
    with pytest.raises(ConfigError, match="does not exist"):
        load_parameters(tmp_path / "none.yaml")


def test_the_shipped_parameters_are_read(root):
    assert load_parameters(root / "config/generator.yaml").subjects
