"""The site is built without a warning: every page in a table of contents, every link to something."""

import subprocess
import sys

import pytest
from blocks import pages


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
    checked("pages of the site", "make site")
