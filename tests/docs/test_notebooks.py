"""The notebooks: every cell runs after a demo, in order, and they are kept without outputs."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.ipynb"))


def cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_not_kept(path):
    assert cells(path)
    for cell in cells(path):
        assert cell["outputs"] == [] and cell["execution_count"] is None


def test_the_first_hour_runs(place, monkeypatch, checked):
    """In the folder of the demo, as in Jupyter from the folder of the notebook."""
    (path,) = [path for path in NOTEBOOKS if path.name == "first_hour.ipynb"]
    folder = place / "docs/notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, cell in enumerate(cells(path)):
            text = "".join(cell["source"])
            *_, last = text.strip().splitlines()
            exec(compile(text, f"{path.name}, cell {number}", "exec"), names)
            if last.startswith("BodyView("):
                page = eval(last, names)._repr_html_()
    assert page.startswith("<iframe srcdoc=") and "S9 Walking" in page and len(page) > 10**5
    assert "J_opt" in printed.getvalue() and "MPJPE" in printed.getvalue()
    unseen = names["unseen"]
    off = np.linalg.norm(names["fitted"].apply(unseen) - names["known"].apply(unseen), axis=2)
    assert off.mean() < 1e-3
    checked("notebooks run", path.name)
