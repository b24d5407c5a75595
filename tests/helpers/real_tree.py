"""A tree of files as a user of the real data has them, made from open data: only its formats are true.

Human3.6M in the official layout at 50 frames a second, SMPL as the pickle that is handed out, the
regressor file of the field, checkpoints of SPIN, VIBE and MEVA in their wrappers, and prediction files
as these write them. The people are drawn, the predictions simulated. The networks' weights are random,
but for the last layers, which make of these very pictures the simulated bodies (`plant_networks`).
"""

import shutil
from pathlib import Path

import joblib
import numpy as np
import plain_networks
import torch
from checkpoint_files import random_state, write_checkpoint, write_mean_params
from official_files import write_official_smpl
from planted_networks import plant, weak_perspective

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import Dataset
from jointreg.config.sequences import load_sequences
from jointreg.datasets.human36m.files import read_pose
from jointreg.datasets.human36m.metadata import ACTIONS, read_metadata
from jointreg.datasets.readers import open_dataset
from jointreg.datasets.video import read_frames
from jointreg.estimators.input_crops import network_crops
from jointreg.geometry.rotations import to_axis_angle
from jointreg.synthetic.layout import write_cdf, writing_video
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject

MOMENTS = 4
"""Frames of each recording that differ: every fifth, as the protocol takes them."""
STEP = 5
ESTIMATORS = {"spin": "sim_spin", "vibe": "sim_vibe", "meva": "sim_meva"}
"""Network -> the simulated estimator whose bodies its prediction files hold."""
CHECKPOINTS = {
    "spin": "spin_model_checkpoint.pth.tar",
    "vibe": "vibe_model_wo_3dpw.pth.tar",
    "meva": "meva_model_best.pth.tar",
}


def write_real_tree(checkout: Path) -> None:
    """Fill data/human36m of a copy of the project, for the sequences of tests/real."""
    base = checkout / "data/human36m"
    raw, drawn = base / "raw", base / "drawn"
    parameters = load_parameters(checkout / "config/generator.yaml")
    work = load_sequences(checkout / "tests/real/sequences.tsv")
    subjects, actions = (sorted({getattr(row, key) for row in work}) for key in ("subject", "action"))
    cameras = sorted({camera for row in work for camera in row.cameras})
    write_rig(raw, drawn / "truth", parameters, subjects, actions, ["1"], cameras, seed=1)
    shutil.copy(raw / "metadata.xml", (drawn / "metadata.xml"))
    (raw / "J_regressor_h36m.npy").rename(base / "J_regressor_h36m.npy")
    for row in work:
        takes = {row.action: row.takes}
        write_subject(
            row.subject, drawn, drawn / "truth", parameters, takes, row.cameras, MOMENTS, 2.0, seed=1
        )
        _slow_down(drawn / row.subject, raw / row.subject, parameters.video)
    write_official_smpl(base / "smpl/SMPL_NEUTRAL.pkl", load_body("open"))
    (base / "networks").mkdir()
    write_mean_params(base / "networks/smpl_mean_params.npz")
    for network, name in CHECKPOINTS.items():
        write_checkpoint(base / "networks" / name, network, random_state(network))
    for method, results in simulated_bodies(checkout, drawn).items():
        (_write_spin if method == "spin" else _write_vibe)(base / "predictions" / method, results, raw)


def simulated_bodies(checkout: Path, drawn: Path) -> dict:
    """Network -> sequence -> arrays of the simulated estimator in its place."""
    work = load_sequences(checkout / "tests/real/sequences.tsv")
    return {
        network: {
            row: dict(np.load(drawn / f"predictions/{simulated}/{row.subject}/{row.action}.npz"))
            for row in work
        }
        for network, simulated in ESTIMATORS.items()
    }


def plant_networks(checkout: Path) -> None:
    """Write the checkpoints anew so that they see the simulated bodies; the frames must be prepared.

    The crops are ours; what the networks make of them is `plain_networks`'.
    """
    base, body = checkout / "data/human36m", load_body("open")
    raw = base / "raw"
    dataset = open_dataset(
        Dataset(
            source="human36m",
            root=str(raw),
            calibration=str(raw / "metadata.xml"),
            damaged="",
            skip_damaged=False,
        )
    )
    images, matrices, frames_of = [], [], []
    work = load_sequences(checkout / "tests/real/sequences.tsv")
    for row in work:
        path = checkout / f"results/human36m/prepare/{row.subject}/{row.action}.zarr.zip"
        frames = stores.FRAMES.read(path)
        cut = network_crops(frames, frames.attrs, dataset.recordings(row), "reference_code")
        for _, image, matrix in sorted(cut, key=lambda found: found[0]):
            images.append(image)
            matrices.append(matrix)
        frames_of.append(frames)
    spin = random_state("spin")
    features = plain_networks.resnet(spin, torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2))
    for network, results in simulated_bodies(checkout, base / "drawn").items():
        said = [matching(frames, results[row]) for row, frames in zip(work, frames_of, strict=True)]
        rotations, betas, translation = (np.concatenate(parts) for parts in zip(*said, strict=True))
        camera = weak_perspective(body, betas, translation, np.stack(matrices))
        state = spin if network == "spin" else random_state(network)
        plant(network, state, features, rotations, betas, camera)
        write_checkpoint(base / "networks" / CHECKPOINTS[network], network, state)


def matching(frames, results: dict) -> list[np.ndarray]:
    """Rotations, betas and translation of a simulated estimator for the rows of a store of frames."""
    takes, cameras = (np.array(frames.attrs[f"{key}_names"]) for key in ("take", "camera"))
    at = {
        (str(take), str(camera), STEP * int(frame)): index
        for index, (take, camera, frame) in enumerate(
            zip(results["take"], results["camera"], results["frame"], strict=True)
        )
    }
    rows = [
        at[takes[take], cameras[camera], int(frame)]
        for take, camera, frame in zip(frames.take, frames.camera, frames.frame, strict=True)
    ]
    return [results[key][rows] for key in ("rotations", "betas", "translation")]


def _slow_down(drawn: Path, raw: Path, video) -> None:
    """The same recordings at 50 frames a second: every moment stands still for five frames."""
    for file in drawn.rglob("*.cdf"):
        kind = 2 if file.parent.name == "D2_Positions" else 3
        pose = np.repeat(read_pose(file, kind), STEP, axis=0)
        write_cdf(raw / file.relative_to(drawn), pose.reshape(len(pose), -1))
    for file in drawn.rglob("*.mp4"):
        pictures = [picture for _, picture in read_frames(file, range(MOMENTS))]
        size = pictures[0].shape[1::-1]
        with writing_video(raw / file.relative_to(drawn), size, 50.0, video) as append:
            for picture in pictures:
                for _ in range(STEP):
                    append(picture)


def _write_spin(folder: Path, results, raw: Path) -> None:
    """One file for the whole set, rows unnamed; the data set file of the run names the pictures."""
    mapping = read_metadata(raw / "metadata.xml").mapping
    names, pose, betas = [], [], []
    for row, arrays in results.items():
        for take, camera, moment in zip(arrays["take"], arrays["camera"], arrays["frame"], strict=True):
            file = mapping[ACTIONS[row.action], int(take)][int(row.subject[1:])].replace(" ", "_")
            names.append(f"images/{row.subject}_{file}.{camera}_{STEP * moment + 1:06d}.jpg")
        pose.append(to_axis_angle(arrays["rotations"]).reshape(-1, 72))
        betas.append(arrays["betas"])
    folder.mkdir(parents=True)
    np.savez(folder / "h36m.npz", imgname=np.array(names), scale=np.ones(len(names)))
    camera = np.tile([0.9, 0.0, 0.0], (len(names), 1))
    np.savez(
        folder / "result.npz",
        pose=np.concatenate(pose),
        betas=np.concatenate(betas),
        camera=camera,
        pred_joints=np.zeros((len(names), 14, 3)),
    )


def _write_vibe(folder: Path, results, raw: Path) -> None:
    """One pickle of joblib a video, person -> arrays."""
    for row, arrays in results.items():
        for take, camera in {*zip(arrays["take"], arrays["camera"], strict=True)}:
            chosen = (arrays["take"] == take) & (arrays["camera"] == camera)
            count = int(chosen.sum())
            person = {
                "pred_cam": np.tile(np.float32([0.9, 0, 0]), (count, 1)),
                "orig_cam": np.ones((count, 4), np.float32),
                "pose": to_axis_angle(arrays["rotations"][chosen]).reshape(count, 72),
                "betas": arrays["betas"][chosen],
                "joints3d": np.zeros((count, 49, 3), np.float32),
                "joints2d": None,
                "bboxes": np.ones((count, 4)),
                "frame_ids": STEP * arrays["frame"][chosen],
            }
            path = folder / row.subject / f"{row.action}.{take}.{camera}.pkl"
            path.parent.mkdir(parents=True, exist_ok=True)
            joblib.dump({1: person}, path)
