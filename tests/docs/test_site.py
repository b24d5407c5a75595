"""The site is built without a warning: every page in a table of contents, every link to something."""

import subprocess
import sys

import pytest
from blocks import pages

PROMISED = (
    *("body.load_body", "body.Body.vertices", "body.convert_body", "estimators.load_estimator"),
    *("silhouette.Topology", "silhouette.coverage", "silhouette.silhouette_l2", "refine.refine"),
    *("regressor.fit_regressor", "regressor.Statistics", "regressor.load_regressor"),
    *("regressor.save_regressor", "regressor.Regressor.apply", "metrics.mpjpe", "metrics.pa_mpjpe"),
)
"""Names that users may rely on."""


def test_the_site_is_built_without_a_warning(root, tmp_path, checked):
    pytest.importorskip("sphinx", reason="the site needs the extra `docs`: pip install -e '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", tmp_path / "trees", "-c", "docs", ".", tmp_path / "site"],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for page in pages(root):
        assert (tmp_path / "site" / page).with_suffix(".html").is_file(), page
    reference = "".join(path.read_text() for path in (tmp_path / "site/docs/api").glob("*.html"))
    assert not [name for name in PROMISED if f'id="jointreg.{name}"' not in reference]
    index = (tmp_path / "site/searchindex.js").read_text()
    assert (tmp_path / "site/search.html").is_file() and '"docs/surprises"' in index
    checked("pages of the site", "make site")
