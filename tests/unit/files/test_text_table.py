"""Aligned text: every column under its heading, on the side that was asked for."""

import pytest

from jointreg.files.text_table import aligned_lines, text_table

ROWS = [("joint", "mm", "side"), ("left_knee", 7.25, "left"), ("nose", 112, "")]


def test_columns_align_and_lines_have_no_blanks_at_the_end():
    assert text_table(ROWS, "lr", rule=True).splitlines() == [
        "joint        mm  side",
        "---------------------",
        "left_knee  7.25  left",
        "nose        112",
    ]


def test_lines_are_equally_long_before_they_are_joined():
    lines = aligned_lines(ROWS, gap="|")
    assert lines == ["joint    |mm  |side", "left_knee|7.25|left", "nose     |112 |    "]
    assert text_table([]) == "" and text_table([("only", "a heading")]) == "only  a heading"


def test_rows_of_another_length_and_other_letters_are_refused():
    with pytest.raises(ValueError):
        text_table([("a", "b"), ("c",)])
    with pytest.raises(ValueError, match="letters"):
        text_table([("a", "b")], "lc")
