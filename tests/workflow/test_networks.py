"""Networks from files in the official layout to Table I, with random weights."""

import shutil

import pytest
from checkpoint_files import random_state, write_checkpoint, write_mean_params
from dry_run import TINY, planned, snakemake
from edits import missing

from jointreg import stores

FILES = "spin: nets/spin.pt, vibe: nets/vibe.pt, mean_params: nets/mean.npz"
NETWORKS = f"run_network={{{FILES}, crops: {{spin: spin}}}}"
METHODS = "methods=[spin,vibe_sequence]"


@pytest.fixture(scope="module")
def networks(finished, tmp_path_factory):
    """A copy of the finished tiny run, and checkpoints beside it."""
    folder = tmp_path_factory.mktemp("networks") / "run"
    shutil.copytree(finished, folder, symlinks=True)
    (folder / "nets").mkdir()
    write_mean_params(folder / "nets/mean.npz")
    for network in ("spin", "vibe"):
        write_checkpoint(folder / f"nets/{network}.pt", network, random_state(network))
    return folder


def test_networks_run_from_official_files_to_table_1(networks):
    table = "results/tiny/tables/table_1.txt"
    call = (table, *TINY, "--config", METHODS, NETWORKS)
    assert planned(networks, *call) == {
        "features": 2,  # one for each rule
        "run_network": 2,
        "evaluate": 2,
        "table_1": 1,
    }
    snakemake(networks, *call)
    text = " ".join((networks / table).read_text().split())
    assert "Input of SPIN: crops by SPIN's rule for Human3.6M" in text
    assert "Input of VIBE (sequence): crops by the reference code's rule" in text
    assert "box, not antialiased), whole recordings; their orientation is taken" in text
    features = stores.FEATURES.read(next(networks.glob("results/tiny/features/spin/*/*.zarr.zip")))
    assert features.attrs["crop"] == "spin"
    assert features.features.std() > 0.1
    errors = stores.ERRORS.read(next(networks.glob("results/tiny/evaluate/vibe_sequence/*.zarr.zip")))
    network_input = {"kind": "vibe_sequence", "crop": "reference_code", "orientation": "camera"}
    assert errors.attrs["input"] == network_input
    assert not planned(networks, *call)
    # The backbone is not run again for what comes after it, nor one network for another's file.
    ray = NETWORKS.replace("crops", "orientation: ray, crops")
    assert planned(networks, *call[:-1], ray)["features"] == 0
    assert planned(networks, *call[:-1], ray)["run_network"] == 2
    shutil.copy2(networks / "nets/vibe.pt", networks / "nets/other.pt")
    other = planned(networks, *call[:-1], NETWORKS.replace("nets/vibe.pt", "nets/other.pt"))
    assert other == {"run_network": 1, "evaluate": 1, "table_1": 1}
    # As docs/reruns.md says of a run with networks.
    gpu = planned(networks, *call[:-1], NETWORKS, "device=cuda", "optimize={backend: warp}")
    assert gpu["features"] and gpu["run_network"] and not gpu["prepare"]


def test_a_missing_checkpoint_stops_the_run_before_any_job(networks):
    with missing(networks / "nets/vibe.pt"):
        done = snakemake(networks, "--dry-run", *TINY, "--config", METHODS, NETWORKS, check=False)
    assert done.returncode
    assert "nets/vibe.pt  (checkpoint of VIBE: docs/networks.md)" in done.stdout + done.stderr
