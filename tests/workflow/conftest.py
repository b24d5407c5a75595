"""A copy of the project to run the workflow in."""

import shutil

import pytest

PARTS = ("Snakefile", "workflow", "src", "config", "envs", "profiles", "tools")


@pytest.fixture
def checkout(tmp_path, root):
    """A copy of the project's own files, without data, results or environment."""
    for part in PARTS:
        source = root / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tmp_path / part)
    (tmp_path / "slurm").symlink_to("profiles/slurm")
    return tmp_path
