"""A folder in which the commands of the documentation run, and the count of what was done to them."""

import pickle
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from blocks import NOT_RUN
from dry_run import copy_project
from planned_data import plant_human36m, plant_laboratory

CHECKED = []
"""(how, the command), of this session."""
EMPTY = (
    "human36m/networks/spin_model_checkpoint.pth.tar",
    "human36m/networks/vibe_model_wo_3dpw.pth.tar",
    "human36m/networks/meva_model_best.pth.tar",
    "human36m/networks/smpl_mean_params.npz",
    "human36m/smpl/SMPL_NEUTRAL.pkl",
    "human36m/J_regressor_h36m.npy",
    "human36m/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
    "lab/pose_landmark_full.tflite",
)
"""Licensed or fetched files, which a dry run does not look into."""
LONG_TABLES = ("human36m", "human36m_p2")
ACTIONS = ("Directions", "Sitting", "Walking")
"""Actions that these tables of sequences keep: a plan of all fifteen takes five times as long."""


@pytest.fixture(scope="session")
def checked():
    """Remember that a command was checked, and how."""
    return lambda how, command: CHECKED.append((how, command))


def pytest_terminal_summary(terminalreporter):
    """Say how the commands of the documentation were checked, and which were not."""
    for how, count in sorted(Counter(how for how, _ in CHECKED).items()):
        terminalreporter.write_line(f"documentation: {count} {how}")
    for how, command in CHECKED:
        if how == NOT_RUN:
            terminalreporter.write_line(f"  {command}")


@pytest.fixture(scope="session")
def place(tmp_path_factory, root, finished, body):
    """A checkout whose demo is the tiny run, with the files that the pages speak of."""
    from official_files import write_official_smpl

    from jointreg.body import convert_body

    folder = copy_project(root, tmp_path_factory.mktemp("docs"))
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy2(root / name, folder / name)
    shutil.copytree(finished / "results/tiny", folder / "results/open")
    shutil.copytree(finished / "data/tiny", folder / "data/open")
    for name in EMPTY:
        (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / name).touch()
    for name in LONG_TABLES:
        table = folder / f"config/sequences/{name}.tsv"
        head, *rows = table.read_text().splitlines(keepends=True)
        table.write_text(head + "".join(row for row in rows if row.split("\t")[1] in ACTIONS))
    plant_human36m(folder / "data/human36m/raw")
    plant_laboratory(folder / "data/lab")

    write_official_smpl(folder / "SMPL_NEUTRAL.pkl", body)
    convert_body(folder / "SMPL_NEUTRAL.pkl", folder / "SMPL_NEUTRAL.npz")
    shutil.copy(folder / "data/open/human36m/J_regressor_h36m.npy", folder / "J_std.npy")
    fitted = folder / "results/open/fit_regressor_opt/J_opt_full.npy"
    for suffix in ("", ".json"):
        shutil.copy(f"{fitted}{suffix}", folder / f"J_opt.npy{suffix}")
    weights = np.load(fitted)
    raw = np.where(weights > 0, 1.3 * weights, 0) - 1e-3 * (np.arange(weights.shape[1]) < 3)
    torch.save(torch.from_numpy(raw.astype(np.float32)), folder / "retrained_J_Regressor.pt")
    template = folder / "4D-Humans/data/SMPL_to_J19.pkl"
    template.parent.mkdir(parents=True)
    template.write_bytes(pickle.dumps(np.full((19, weights.shape[1]), 1 / weights.shape[1])))
    return folder
