"""Whether the labels lie in the pictures of their camera: if not, the calibration is read wrongly."""

from dataclasses import replace

import numpy as np

from jointreg.datasets.recording import Recording
from jointreg.errors import DataError

LEAST_SHARE = 0.5
"""Share of the labels that have to lie in the picture."""
LEAST_DEPTH_M = 0.1
_CLEAR = 0.9
"""Share from which on another reading of the calibration is named."""
_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Turns y up to z up."""


def share_in_picture(recording: Recording, joints_cam: np.ndarray | None = None) -> float:
    """Share of the joints before the camera whose projection lies in its picture, 0 to 1.

    Args:
        recording: its camera, and by default its labelled frames.
        joints_cam: others, (N, J, 3) metres, camera frame.
    """
    joints_cam = labelled_joints(recording) if joints_cam is None else joints_cam
    depth = joints_cam[..., 2]
    ahead = joints_cam[depth >= LEAST_DEPTH_M]
    pixels = recording.camera.project(ahead)
    inside = ((pixels > -0.5) & (pixels < np.array(recording.camera.size) - 0.5)).all(axis=-1)
    return float(inside.sum() / depth.size) if depth.size else 0.0


def labelled_joints(recording: Recording) -> np.ndarray:
    """Labels of the frames of a sequence that have one, (N, J, 3) metres, camera frame."""
    frames = np.array(recording.frames)
    return recording.joints_cam[
        frames if recording.kept is None else np.intersect1d(frames, recording.kept)
    ]


def require_in_picture(recording: Recording, where: str) -> None:
    """Refuse labels of which most lie outside the picture.

    Raises:
        DataError: with the reading of the calibration under which they lie inside, if there is one.
    """
    share = share_in_picture(recording)
    if share < LEAST_SHARE:
        width, height = recording.camera.size
        raise DataError(
            f"{where}: {share:.0%} of the labels lie in the picture of {width} x {height} px, expected "
            f"most of them",
            likely_cause(recording),
        )


def likely_cause(recording: Recording) -> str:
    """What to correct so that the labels of a recording lie in its picture."""
    camera = recording.camera
    joints_world = camera.to_world(labelled_joints(recording))
    rotation, translation = camera.rotation, camera.translation
    causes = [
        cause
        for cause, rotation, translation in (
            (
                "translation is the camera's position: give -R @ position",
                rotation,
                -rotation @ translation,
            ),
            ("rotation is camera to world: transpose it", rotation.T, translation),
            (
                "rotation and translation are camera to world: give R.T and -R.T @ t",
                rotation.T,
                -rotation.T @ translation,
            ),
            ("the labels' y axis points up, the calibration's z axis", rotation @ _Y_UP, translation),
            ("the labels' z axis points up, the calibration's y axis", rotation @ _Y_UP.T, translation),
        )
        if share_in_picture(
            recording,
            replace(camera, rotation=rotation, translation=translation).from_world(joints_world),
        )
        > _CLEAR
    ]
    if causes:
        return f"with this reading they lie inside: {'; or: '.join(causes)}"
    return (
        "the calibration is another camera's or of another frame of reference than the labels (rotation "
        "and translation are world to camera, in metres; x right, y down, z forward); if this camera "
        "rarely sees the person, leave it out of the sequence table"
    )
