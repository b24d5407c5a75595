"""How the body of the report marks regressors."""

import re
from importlib import resources

from jointreg.tables.names import TABLE_1


def test_every_regressor_of_table_1_has_a_mark_of_its_own():
    source = resources.files("jointreg.report").joinpath("assets/body_viewer.js").read_text("utf-8")
    block = source.split("const LOOKS = {")[1].split("};")[0]
    looks = {
        name: (hue, shape) for name, hue, shape in re.findall(r'(\w+): \["(#\w+)", "(\w+)"\]', block)
    }
    regressors = [looks[name] for name in TABLE_1 if name != "given"]
    for values in zip(*regressors, strict=True):
        assert len(set(values)) == len(regressors)
    drawn = set(re.findall(r'shape === "(\w+)"', source)) | {"square"}
    assert {shape for _, shape in looks.values()} <= drawn
