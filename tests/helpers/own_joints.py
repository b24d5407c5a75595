"""The tiny run's videos as calibrated recordings with labels of fifteen joints of one's own."""

import json
import shutil
from pathlib import Path

import numpy as np
import yaml

from jointreg import stores
from jointreg.config import load, read_yaml
from jointreg.config.joint_sets import COLUMNS, H36M
from jointreg.config.sequences import load_sequences
from jointreg.datasets.readers import open_dataset
from jointreg.geometry.rotations import to_axis_angle

LEFT_OUT = ("pelvis", "spine")
"""Joints of Human3.6M that the set lacks: it has no root joint, and no middle of the trunk."""
RUN = ("--configfile", "own_joints/config.yaml")
"""The configuration of the run."""


def own_name(joint):
    """The name of a joint of Human3.6M in the set."""
    return joint.replace("left_", "l ").replace("right_", "r ").replace("_", " ")


KEPT = [joint for joint in reversed(H36M.joints) if joint not in LEFT_OUT]
"""The joints in the set's order, by Human3.6M's names."""
JOINTS = [own_name(joint) for joint in KEPT]


def write_own_joints(folder):
    """Folder `own_joints` in a finished tiny run: recordings, calibration, tables, configuration.

    One take a subject, labelled with the same points as the tiny run.
    """
    here = Path(folder) / "own_joints"
    files = [folder / "config/config.yaml", folder / "tests/tiny/config.yaml"]
    tiny = load(read_yaml(*files), [str(path) for path in files])
    settings = tiny.dataset.model_copy(
        update={key: str(folder / getattr(tiny.dataset, key)) for key in ("root", "calibration")}
    )
    cameras, sequences = {}, []
    for row in load_sequences(folder / tiny.sequences):
        (recording,) = open_dataset(settings).recordings(row)
        take = here / "recordings" / row.subject
        take.mkdir(parents=True)
        camera = cameras.setdefault("54138969", recording.camera)
        shutil.copyfile(recording.video, take / "54138969.mp4")
        joints = camera.from_world(recording.camera.to_world(recording.joints_cam))
        world = camera.to_world(joints)[:, [H36M.joints.index(joint) for joint in KEPT]]
        np.savez(take / "labels.npz", joints_world=world, joint_names=np.array(JOINTS))
        sequences.append((row.subject, row.action, row.subject, "54138969", "0", "-1", row.split))
    table = {
        name: {
            "size": list(camera.size),
            "matrix": camera.intrinsics.tolist(),
            "distortions": camera.distortion.tolist(),
            "rotation": to_axis_angle(camera.rotation).tolist(),
            "translation": camera.translation.tolist(),
        }
        for name, camera in cameras.items()
    }
    (here / "calibration.json").write_text(json.dumps({"unit": "m", **table}))
    head = ("subject", "action", "takes", "cameras", "first_frame", "last_frame", "split")
    _write_table(here / "sequences.tsv", [head, *sequences])
    _write_table(here / "joints.tsv", [COLUMNS, *(_row(joint) for joint in KEPT)])
    (here / "config.yaml").write_text(yaml.safe_dump(_config(folder)))
    return here


def _row(joint):
    place = H36M.places[H36M.joints.index(joint)]
    other = H36M.joints[H36M.mirror[H36M.joints.index(joint)]]
    root = "yes" if joint in ("left_hip", "right_hip") else "-"
    return "own", own_name(joint), own_name(other), place, root


def _config(folder):
    tiny = yaml.safe_load((folder / "tests/tiny/config.yaml").read_text())
    dataset = {
        "source": "multiview",
        "root": "own_joints/recordings",
        "calibration": "own_joints/calibration.json",
        "joints": "own_joints/joints.tsv",
        "damaged": "",
    }
    return tiny | {
        "run": "own_joints",
        "dataset": dataset,
        "sequences": "own_joints/sequences.tsv",
        "methods": ["keypoints"],
        "initial": "keypoints",
        "regressor_std": "",
        "evaluate": {"joints": "all", "root": "neck"},
        "fit_regressor": {"symmetric": True},
        "estimate": {"keypoints_iterations": 6},
        "optimize": {"iterations": 4},
    }


def _write_table(path, rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows))


def labels_of(folder, subject):
    """Labels of a sequence as `prepare` stored them, (N, 15, 3) metres, and the facts of the store."""
    frames = stores.FRAMES.read(
        folder / f"results/own_joints/prepare/{subject}/Walking.zarr.zip", only=["joints_cam"]
    )
    return frames.joints_cam, frames.attrs
