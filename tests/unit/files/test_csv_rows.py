"""Tables come back as they were written."""

import math

from jointreg.files.csv_rows import read_table, write_rows


def test_names_stay_text_and_missing_numbers_are_nan(tmp_path):
    """Initials and names that a reader of tables takes for nothing, or for numbers."""
    names = ["NA", "null", "None", "nan", "01", "1e5"]
    rows = [
        {"subject": name, "action": name, "value": value, "remark": ""}
        for name, value in zip(names, [0.5, float("nan"), 2.0, None, 3.0, 4.0], strict=True)
    ]
    write_rows(tmp_path / "t.csv", rows, ("subject", "action", "value", "remark"))
    table = read_table(tmp_path / "t.csv")
    assert table["subject"].tolist() == table["action"].tolist() == names
    assert table["value"].dtype == float
    assert [math.isnan(value) for value in table["value"]] == [False, True, False, True, False, False]
    assert table["remark"].isna().all()
