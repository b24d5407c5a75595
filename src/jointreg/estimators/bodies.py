"""Bodies in the calibrated camera's frame from the networks' outputs (rules features, run_network).

A network treats its crop as a view straight ahead, without perspective. The setting `orientation`
decides how its global rotation becomes one in the camera's frame:

- `camera`: the rotation is taken unchanged, as is usual in the field.
- `ray`: it is turned with the ray through the middle of the crop, by up to 18 degrees at the edge of a
  picture.
- `aligned`: it is turned so that the skeleton's joints lie nearest to the labels.

The pelvis is placed where the network shows it in the crop. Its depth is the one at which the body
appears as large as the network draws it.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, ON_THE_HEAD, JointSet, joint_set_of
from jointreg.config.methods import NETWORKS
from jointreg.config.settings import Orientation
from jointreg.datasets.recording import Recording
from jointreg.errors import DataError, ShapeError
from jointreg.estimators.backbone import FEATURES, Backbone
from jointreg.estimators.input_crops import network_crops
from jointreg.estimators.networks import head_bodies, image_features, load_head
from jointreg.geometry.procrustes import fit_similarity
from jointreg.stores.schema import Record, require_same_rows
from jointreg.stores.schemas import CROP
from jointreg.threads import one_opencv_thread

LEAST_SCALE = 0.1
"""Lower limit of the weak-perspective scale: a person a tenth as large as the crop."""

UNSURE = ("spine1", "spine2", "spine3", *ON_THE_HEAD)
"""Places of labels that have no skeleton joint of their own."""


@one_opencv_thread()
def frame_features(
    backbone: Backbone,
    frames: Record,
    recordings: Sequence[Recording],
    crop: str,
    *,
    batch: int,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, np.ndarray]:
    """The backbone's output for every frame, and the camera of its crop.

    Args:
        backbone: from `load_backbone`, on `device`.
        frames: store FRAMES, at least the arrays that `estimators.input_crops.arrays_for` lists.
        recordings: the recordings that the frames were cut from.
        crop: rule of the crop, as in `network_crops`.
        batch: images that go through the backbone at once.
        device: where the backbone runs.
        progress: called with the number of frames done, and of all.

    Returns:
        Arrays of `stores.FEATURES`: features (N, 2048) float32 and crop_intrinsics (N, 3, 3) px.

    Raises:
        DataError: as `network_crops`.
    """
    count = len(frames.frame)
    features = np.empty((count, FEATURES), np.float32)
    matrices = np.empty((count, 3, 3))
    rows: list[int] = []
    images: list[np.ndarray] = []
    crops = network_crops(frames, frames.attrs, recordings, crop)
    for done, (row, image, matrix) in enumerate(crops, start=1):
        matrices[row] = matrix
        rows.append(row)
        images.append(image)
        if len(rows) == batch or done == count:
            pictures = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
            part = image_features(backbone, pictures, torch.device(device), batch)
            features[rows] = part.cpu().numpy()
            rows, images = [], []
            if progress is not None:
                progress(done, count)
    return {"features": features, "crop_intrinsics": matrices}


def network_bodies(
    kind: str,
    frames: Record,
    features: Record,
    body: Body,
    *,
    checkpoint: str | Path,
    mean_params: str | Path | None,
    orientation: Orientation,
) -> dict[str, np.ndarray]:
    """Bodies of a network, one for every row of `frames`: arrays of `stores.BODIES`.

    Args:
        kind: a key of `config.methods.NETWORKS`.
        frames: store FRAMES; the labels are used by `orientation: aligned` only.
        features: store FEATURES of the same rows.
        body: the body model, 24 joints and 10 shape directions.
        checkpoint: the network's own file.
        mean_params: smpl_mean_params.npz, or None.
        orientation: camera, ray or aligned; see the module.

    Raises:
        StoreError: the two stores are not of the same frames.
        ShapeError: the body is not SMPL's.
        DataError: the checkpoint or the mean parameters are missing or do not fit, or the network's
            outputs are not finite.
    """
    require_same_rows(frames, features, "run_network: frames and features")
    if body.n_betas != 10 or len(body.parents) != 24:
        raise ShapeError(
            f"the body has {len(body.parents)} joints and {body.n_betas} shape directions, the networks "
            "predict 24 and 10",
            "use an SMPL body",
        )
    network, sequence = NETWORKS[kind]
    head = load_head(network, checkpoint=checkpoint, mean_params=mean_params)
    values = torch.from_numpy(features.features)
    parts = tracks(frames) if sequence else [np.arange(len(values))]
    outputs: list[np.ndarray] = [
        np.empty((len(values), *size), np.float32) for size in ((24, 3, 3), (10,), (3,))
    ]
    for rows in parts:
        for whole, part in zip(outputs, head_bodies(head, values[rows], sequence=sequence), strict=True):
            whole[rows] = part.numpy()
    wrong = [row for whole in outputs for row in np.argwhere(~np.isfinite(whole))[:1, 0]]
    if wrong:
        raise DataError(
            f"{checkpoint}: the network gives numbers that are not finite, first for row {min(wrong)}",
            "fetch the checkpoint again: its weights are not the published ones",
        )
    rotations, betas, camera = outputs
    matrices = features.crop_intrinsics
    if orientation == "ray":
        rotations[:, 0] = ray_turns(matrices) @ rotations[:, 0]
    elif orientation == "aligned":
        labels, joint_set = frames.joints_cam, joint_set_of(frames.attrs)
        turns = label_turns(body, rotations, betas, labels, joint_set)
        rotations[:, 0] = turns @ rotations[:, 0]
    pelvis = body.rest_joints(betas)[:, 0]
    return {"rotations": rotations, "betas": betas, "translation": place(camera, matrices, pelvis)}


def tracks(frames: Mapping[str, Any]) -> list[np.ndarray]:
    """Rows of each uninterrupted run of frames, in the order of time.

    A run ends with its take and camera, or at a gap: there two neighbouring frames are further apart
    than the closest two of the recording.
    """
    runs = []
    for take, camera in sorted({*zip(frames["take"].tolist(), frames["camera"].tolist(), strict=True)}):
        rows = np.flatnonzero((frames["take"] == take) & (frames["camera"] == camera))
        rows = rows[np.argsort(frames["frame"][rows], kind="stable")]
        steps = np.diff(frames["frame"][rows])
        cuts = np.flatnonzero(steps > steps.min(initial=steps.max(initial=0))) + 1
        runs += np.split(rows, cuts)
    return runs


def place(camera: np.ndarray, matrices: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """Translations (N, 3), metres, camera frame, that put the pelvis where the network shows it.

    Args:
        camera: weak perspective s, tx, ty, (N, 3).
        matrices: pinhole of each crop, (N, 3, 3) px.
        pelvis: pelvis of the bodies without translation, (N, 3) metres.
    """
    scale = np.maximum(camera[:, 0], LEAST_SCALE) * CROP / 2
    depth = matrices[:, 0, 0] / scale
    pixels = (CROP - 1) / 2 + scale[:, None] * (pelvis[:, :2] + camera[:, 1:])
    homogeneous = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
    rays = np.linalg.solve(matrices, homogeneous[..., None])[..., 0]
    return (depth[:, None] * rays - pelvis).astype(np.float32)


def ray_turns(matrices: np.ndarray) -> np.ndarray:
    """Smallest rotations of the optical axis onto the ray through the middle of each crop, (N, 3, 3)."""
    middle = np.array([(CROP - 1) / 2, (CROP - 1) / 2, 1.0])
    ray = np.linalg.solve(matrices, np.tile(middle[:, None], (len(matrices), 1, 1)))[..., 0]
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    x, y, z = ray.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, zero, x, zero, zero, y, -x, -y, zero], axis=1).reshape(-1, 3, 3)
    return np.eye(3) + cross + cross @ cross / (1 + z)[:, None, None]


def label_turns(
    body: Body,
    rotations: np.ndarray,
    betas: np.ndarray,
    joints_cam: np.ndarray,
    joint_set: JointSet = H36M,
) -> np.ndarray:
    """Rotations that bring the skeleton's joints nearest to the labels of a set, (N, 3, 3)."""
    near = np.array([row for row, place in enumerate(joint_set.places) if place not in UNSURE])
    skeleton = body.joints(rotations, betas)[:, np.array(joint_set.limbs)[near]]
    return fit_similarity(skeleton, joints_cam[:, near]).rotation
