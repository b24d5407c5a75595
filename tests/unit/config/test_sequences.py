"""Tables of work and methods."""

import pytest

from jointreg.config.examples import load_examples
from jointreg.config.methods import load_methods
from jointreg.config.sequences import load_sequences
from jointreg.errors import ConfigError

HEAD = "subject\taction\ttakes\tcameras\tfirst_frame\tlast_frame\tsplit\n"


def test_human36m_table_is_the_whole_data_set(root):
    table = load_sequences(root / "config/sequences/human36m.tsv")
    assert len(table) == 7 * 15
    assert {row.subject for row in table if row.split == "test"} == {"S9", "S11"}
    assert all(row.takes == ("1", "2") and len(row.cameras) == 4 for row in table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject\taction\nS1\tWalking\n", "columns are"),
        (HEAD, "no rows"),
        (HEAD + "S1\tWalking\t1\ta\t0\t-1\tdev\n", "split is 'dev'"),
        (HEAD + "S1\tWalking\t1\ta\tx\t-1\ttrain\n", "whole numbers"),
        (HEAD + "S1\tWalking\t1\ta\t9\t3\ttrain\n", "frames 9 to 3"),
        (HEAD + "../x\tWalking\t1\ta\t0\t-1\ttrain\n", "letters, digits"),
        (HEAD + 2 * "S1\tWalking\t1\ta\t0\t-1\ttrain\n", "stand twice"),
        (HEAD + "S1\tWalking\n", "too few columns"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    path = tmp_path / "table.tsv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_sequences(path)


def test_methods(root):
    methods = load_methods(root / "config/methods.tsv", required=["spin", "sim_spin"])
    assert all("simulated" in m.label for name, m in methods.items() if name.startswith("sim_"))
    assert all(not m.paper for name, m in methods.items() if name.startswith("sim_"))
    with pytest.raises(ConfigError, match="no row for \\['hmr'\\]"):
        load_methods(root / "config/methods.tsv", required=["hmr"])


def test_examples_are_sequences_of_the_run(root, tmp_path):
    table = load_sequences(root / "config/sequences/open.tsv")
    examples = load_examples(root / "config/examples/open.tsv", table)
    assert {example.subject for example in examples} == {row.subject for row in table}
    path = tmp_path / "examples.tsv"
    path.write_text("subject\taction\tframes\nS1\tJuggling\t1\n")
    with pytest.raises(ConfigError, match="no sequence S1 Juggling"):
        load_examples(path, table)
