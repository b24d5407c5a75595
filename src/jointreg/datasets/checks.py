"""Checks of recordings, before anything is made of them."""

from collections.abc import Callable

import numpy as np

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.datasets.facing import UPSIDE_DOWN_RAD, leans
from jointreg.datasets.in_picture import LEAST_DEPTH_M, likely_cause, require_in_picture
from jointreg.datasets.named_joints import require_size
from jointreg.datasets.poses import (
    UPRIGHT_RAD,
    order_of_legs,
    require_finite,
    require_metres,
    require_person,
)
from jointreg.datasets.recording import Recording
from jointreg.datasets.video import probe
from jointreg.errors import DataError
from jointreg.plausible import PERSON_M

LABELS_APART_PX = 2.0
"""Largest median distance between projected 3D labels and the 2D labels that came with them."""


def check_recording(recording: Recording, note: Callable[[str], None] = print) -> None:
    """Refuse labels and videos that cannot belong together.

    Args:
        recording: labels, camera and video.
        note: is told of a person who lies or is upside down in the picture.

    Raises:
        DataError: NaN, joints in another order, labels outside the picture, joints behind the camera, a
            video shorter than the labels, shifted 2D labels.
        UnitError: legs or distance of implausible length.
    """
    where, names = name(recording), recording.joint_set.joints
    count = len(recording.joints_cam)
    labelled = np.arange(count) if recording.kept is None else recording.kept
    joints_cam = recording.joints_cam[labelled]
    if not np.isfinite(joints_cam).all():
        frame, joint = np.argwhere(~np.isfinite(joints_cam).all(-1))[0]
        raise DataError(
            f"{where}: joint {names[joint]} of frame {labelled[frame]} is NaN, expected numbers "
            "throughout",
            "repair the labels: they have to be whole over the take",
        )
    check_units(joints_cam, where, recording.joint_set)
    if recording.joint_set == H36M:
        _check_order(joints_cam, where)
    trunk = recording.joint_set.trunk(joints_cam)
    if leans(trunk, UPSIDE_DOWN_RAD):
        note(f"{where}: the person is upside down in the picture: is the camera, or the labels' frame?")
    elif leans(trunk, UPRIGHT_RAD):
        note(
            f"{where}: the person lies in the picture, or is seen from above: if not, the labels' "
            "vertical axis is not the calibration's"
        )
    require_in_picture(recording, where)
    frame, joint = np.unravel_index(np.argmin(joints_cam[..., 2]), joints_cam.shape[:2])
    if joints_cam[frame, joint, 2] < LEAST_DEPTH_M:
        raise DataError(
            f"{where}: joint {names[joint]} of frame {labelled[frame]} lies "
            f"{joints_cam[frame, joint, 2]:.2f} m in front of the camera, expected more than "
            f"{LEAST_DEPTH_M} m",
            likely_cause(recording),
        )
    if recording.frames.start + recording.frame_offset < 0:
        raise DataError(
            f"{where}: frame {recording.frames.start} lies {-recording.frame_offset} frames before its "
            f"number in {recording.video}, which is before the video begins",
            f"set first_frame to {-recording.frame_offset} or more in the sequence table",
        )
    frames = probe(recording.video).frames
    needed = count + recording.frame_offset
    if frames < needed:
        raise DataError(
            f"{recording.video}: video has {frames} frames, labels of {where} need {needed}",
            "fetch the video again; if it is whole, the labels are another recording's",
        )
    if recording.joints_image_px is not None:
        projected = recording.camera.project(joints_cam)
        apart = np.median(np.linalg.norm(projected - recording.joints_image_px[labelled], axis=-1))
        if apart > LABELS_APART_PX:
            raise DataError(
                f"{where}: projected 3D labels lie {apart:.1f} px (median) from the 2D labels, expected "
                f"under {LABELS_APART_PX} px: calibration, 2D and 3D labels do not belong together",
                "if the recording is known to be damaged, add it to the table dataset.damaged",
            )


def _check_order(joints_cam: np.ndarray, where: str) -> None:
    """Refuse joints (N, 17, 3) that are not in the order `skeleton.H36M_17`."""
    if order_of_legs(joints_cam, where) < 0:
        raise DataError(
            f"{where}: hips lie crossed to the shoulders: the right leg comes first",
            "give the labels in the order of skeleton.H36M_17, left leg first",
        )
    require_person(joints_cam, where)


def check_units(joints_cam: np.ndarray, where: str, joint_set: JointSet = H36M) -> None:
    """Refuse joints (N, J, 3), camera frame, that are not in metres.

    Raises:
        UnitError: median leg length or distance from the camera is implausible.
        DataError: a single frame is not finite, or implausible.
    """
    if joint_set == H36M:
        require_finite(joints_cam, where, "frame")
        require_metres(joints_cam, where, "frame")
    else:
        require_size(joints_cam, where)
    distance = float(np.median(np.linalg.norm(joints_cam, axis=-1)))
    PERSON_M.require(
        distance,
        f"{where}: the person is {distance:.4g} m from the camera (median)",
        "give labels and calibration in one frame of reference, and the calibration's `unit`",
    )


def name(recording: Recording) -> str:
    """How errors call a recording."""
    return f"{recording.subject} {recording.action} take {recording.take} camera {recording.camera.name}"
