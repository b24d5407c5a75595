"""Copies of the project to run the workflow in, and one finished tiny run for all tests."""

import pytest
from dry_run import TINY, copy_project, snakemake


@pytest.fixture
def checkout(tmp_path, root):
    return copy_project(root, tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, root):
    """A checkout in which the tiny run has been made, diagnosis included."""
    folder = copy_project(root, tmp_path_factory.mktemp("finished"))
    snakemake(folder, *TINY)
    return folder
