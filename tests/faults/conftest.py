"""One finished tiny run, of which every test disturbs a copy."""

import pytest
from dry_run import TINY, copy_project, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory, root):
    folder = copy_project(root, tmp_path_factory.mktemp("faults") / "finished")
    snakemake(folder, *TINY)
    return folder
