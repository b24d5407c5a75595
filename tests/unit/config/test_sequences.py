"""Tables of work and methods."""

import pytest

from jointreg.config.examples import load_examples
from jointreg.config.methods import load_methods
from jointreg.config.sequences import find, load_sequences, require_splits
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
        ("subject\taction\nS1\tWalking\n", "add takes, cameras, first_frame, last_frame, split"),
        (HEAD.replace("\t", ","), "put one tab between columns"),
        (HEAD.replace("subject\taction", "action\tsubject"), "in this order: subject action takes"),
        (HEAD, "no rows"),
        (HEAD + "S1\tWalking\t1\ta\t0\t-1\tdev\n", "split is 'dev'"),
        (HEAD + "S1\tWalking\t1\ta\tx\t-1\ttrain\n", "first_frame is 'x', expected a whole number"),
        (HEAD + "S1\tWalking\t1\ta\t9\t3\ttrain\n", "frames 9 to 3"),
        (HEAD + "../x\tWalking\t1\ta\t0\t-1\ttrain\n", "letters, digits"),
        (HEAD + 2 * "S1\tWalking\t1\ta\t0\t-1\ttrain\n", "stand twice"),
        (HEAD + "S1\tWalking\t1\ta\t1_0\t-1\ttrain\n", "first_frame is '1_0'"),
        (HEAD + "S1\tWalking\t1,1\ta\t0\t-1\ttrain\n", "takes contains 1 twice"),
        (HEAD + "S1\tWalking\t1\ta,b,a\t0\t-1\ttrain\n", "cameras contains a twice"),
        (HEAD + "S1\tWalking\t1,\ta\t0\t-1\ttrain\n", "takes contains ''"),
        (HEAD + "S1\tWalking\t1\ta\t0\t-1\ttrain\tmore\n", "has 8 columns"),
        (HEAD + "S1\tWalking\n", "has 2 columns, expected 7"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    path = tmp_path / "table.tsv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_sequences(path)


@pytest.mark.parametrize(("split", "lacking"), [("train", "test"), ("test", "train")])
def test_a_run_needs_rows_to_fit_and_rows_to_evaluate(tmp_path, split, lacking):
    path = tmp_path / "table.tsv"
    path.write_text(HEAD + f"S1\tWalking\t1\ta\t0\t-1\t{split}\n")
    with pytest.raises(ConfigError, match=f"table.tsv: no row has split {lacking}"):
        require_splits(load_sequences(path), path)


@pytest.mark.parametrize(
    ("subject", "action", "message"),
    [
        (
            "S1",
            "Posing",
            "no sequence S1 Posing in t.tsv; of S1 it has Walking, Wait\n.*correct the name",
        ),
        ("S1", "Walkin", r"no sequence S1 Walkin in .*\n.*did you mean Walking\?"),
        ("S11", "Walking", r"no sequence S11 Walking in t.tsv; it has S1, S9\n.*correct the name"),
        ("S11", None, r"no sequence S11 in t.tsv; it has S1, S9\n"),
    ],
)
def test_a_sequence_that_the_table_lacks_is_named_with_what_it_has(tmp_path, subject, action, message):
    path = tmp_path / "t.tsv"
    rows = [f"{name}\t1\ta\t0\t-1\ttrain\n" for name in ("S1\tWalking", "S1\tWait", "S9\tWalking")]
    path.write_text(HEAD + "".join(rows))
    table = load_sequences(path)
    assert find(table, "S1", "Wait", path) is table[1]
    assert find(table, "S9", None, path) is table[2]
    with pytest.raises(ConfigError, match=message):
        find(table, subject, action, "t.tsv")


def test_methods(root):
    methods = load_methods(root / "config/methods.tsv", required=["spin", "sim_spin"])
    assert all("simulated" in m.label for name, m in methods.items() if name.startswith("sim_"))
    assert all(not m.paper for name, m in methods.items() if name.startswith("sim_"))
    with pytest.raises(ConfigError, match="no row for hmr, known are"):
        load_methods(root / "config/methods.tsv", required=["hmr"])


def test_examples_of_other_sequences_are_left_out_and_named(root, tmp_path):
    table = load_sequences(root / "config/sequences/open.tsv")
    examples = load_examples(root / "config/examples/open.tsv", table)
    assert {example.subject for example in examples} == {row.subject for row in table}
    path = tmp_path / "examples.tsv"
    head, notes = "subject\taction\tframes\n", []
    path.write_text(f"{head}S1\tJuggling\t1\nS9\tWalking\t2,5\n")
    (example,) = load_examples(path, table, notes.append)
    assert (example.subject, example.action, example.frames) == ("S9", "Walking", (2, 5))
    assert notes == [f"{path} (figures.examples): left out, not in this run: S1 Juggling"]


@pytest.mark.parametrize("rows", ["S1\tJuggling\t1\n", "", None])
def test_without_examples_the_first_training_sequence_shows_its_first_frame(root, tmp_path, rows):
    table = load_sequences(root / "config/sequences/open.tsv")
    path = tmp_path / "examples.tsv"
    path.write_text(f"subject\taction\tframes\n{rows}")
    (example,) = load_examples("" if rows is None else path, table[::-1])
    first = next(row for row in table[::-1] if row.split == "train")
    assert (example.subject, example.action, example.frames) == (first.subject, first.action, (0,))


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ("one", "frames is 'one', expected a whole number"),
        ("-1", "contains -1"),
        ("3,3", "contains 3 twice"),
    ],
)
def test_frames_to_show_are_rows_of_a_sequence(root, tmp_path, frames, message):
    table = load_sequences(root / "config/sequences/open.tsv")
    path = tmp_path / "examples.tsv"
    first = table[0]
    path.write_text(f"subject\taction\tframes\n{first.subject}\t{first.action}\t{frames}\n")
    with pytest.raises(ConfigError, match=message):
        load_examples(path, table)


def test_a_table_may_begin_with_a_byte_order_mark_and_must_be_utf_8(tmp_path):
    path = tmp_path / "table.tsv"
    text = HEAD + "S1\tWalking\t1\ta\t0\t-1\ttrain\n"
    path.write_text(text, encoding="utf-8-sig")
    assert load_sequences(path)[0].takes == ("1",)
    path.write_text(text.replace("Walking", "Übung"), encoding="latin-1")
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        load_sequences(path)


def test_names_of_methods_are_parts_of_paths_and_stand_once(root, tmp_path):
    lines = (root / "config/methods.tsv").read_text().splitlines(keepends=True)
    path = tmp_path / "methods.tsv"
    for name in ("../spin", "", "sp in"):
        path.write_text("".join(lines).replace("\nspin\t", f"\n{name}\t"))
        with pytest.raises(ConfigError, match="is no name"):
            load_methods(path)
    (spin,) = [line for line in lines if line.startswith("spin\t")]
    path.write_text("".join([*lines, spin]))
    with pytest.raises(ConfigError, match=r"row .*: method spin stands twice, first in .*: row 1"):
        load_methods(path)
