"""The table of damaged recordings: which rows name a recording of a run."""

from jointreg.config.sequences import Work
from jointreg.datasets.damaged import read_damaged, units, unmatched

WORK = Work("P1", "Walking", ("first take", "2"), ("left", "right"), 0, -1, "train")


def test_rows_that_match_no_recording_are_listed(tmp_path):
    lines = ["subject\taction\ttake\tcamera\treason", "P1\tWalking\tfirst take\t*\tdark"]
    misspelt = ["P1\tWaking\t2\tleft\tx", "P1\tWalking\t3\t*\tx", "P1\tWalking\t2\tmiddle\tx"]
    (tmp_path / "damaged.tsv").write_text("\n".join(lines + misspelt))
    damaged = read_damaged(tmp_path / "damaged.tsv")
    assert unmatched(damaged, [WORK]) == list(damaged[1:])
    assert units(WORK, damaged, True) == [("2", "left"), ("2", "right")]
    assert len(units(WORK, damaged, False)) == 4
