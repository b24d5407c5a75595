"""Paths of prediction files in the table of methods: bare placeholders, filled from the sequence."""

import pytest

from jointreg.config.methods import Method, load_methods, prediction_paths
from jointreg.errors import ConfigError


def table(tmp_path, files):
    columns = list(Method.__dataclass_fields__)
    row = dict.fromkeys(columns, "") | {"name": "spin", "kind": "predictions", "files": files}
    lines = ("\t".join(columns), "\t".join(row[column] for column in columns))
    (tmp_path / "methods.tsv").write_text("\n".join(lines))
    return tmp_path / "methods.tsv"


@pytest.mark.parametrize(
    "files",
    [
        "{subject:>9999999999}.npz",
        "{subject!r}.npz",
        "{subject.__class__}.npz",
        "{subject[0]}.npz",
        "{}.npz",
        "{person}.npz",
        "{subject",
        "{{subject}}.npz",
    ],
)
def test_only_bare_placeholders_are_filled(tmp_path, files):
    with pytest.raises(ConfigError, match=r"row 1: files is '.*\{subject\}, \{action\}"):
        load_methods(table(tmp_path, files))


def test_placeholders_become_the_parts_of_the_sequence(tmp_path):
    pattern = load_methods(table(tmp_path, "a/{subject}_{take}{camera}/{action}.npz"))["spin"].files
    sequence = {"subject": "S9", "action": "Walking", "units": [("1", "54138969")]}
    assert prediction_paths("in", pattern, sequence) == {
        "in/a/S9_154138969/Walking.npz": {"take": "1", "camera": "54138969"}
    }


def test_a_second_table_is_added_to_the_first(root, tmp_path):
    first = root / "config/methods.tsv"
    mine = tmp_path / "mine.tsv"
    head = first.read_text().splitlines()[0]
    mine.write_text(f"{head}\nhmr2\tpredictions\tHMR2.0\t\thmr2/all.npz\t\t\tGoel et al.\n")
    methods = load_methods(first, mine, required=["spin", "hmr2"])
    assert methods["hmr2"].files == "hmr2/all.npz"
    assert methods["spin"] == load_methods(first)["spin"]
    with pytest.raises(ConfigError, match=r"mine.tsv: no row for hmr3,(.|\n)*own_methods"):
        load_methods(first, mine, required=["hmr3"])
    mine.write_text(f"{head}\nspin\tpredictions\tmine\t\t\t\t\t\n")
    with pytest.raises(ConfigError, match=r"mine.tsv: row 1: method spin stands twice"):
        load_methods(first, mine)
