"""Any calibrated videos with joint labels.

Layout under `dataset.root`: one folder for each recording (a take of the sequence table). It contains
`<camera>.mp4` (or .avi, .mov, .mkv) for every camera of the calibration file, and `labels.npz` with
these arrays::

    joints_world   (N, J, 3) metres, joints of `dataset.joints` (h36m_17: 17, left leg first), in the
                   calibration's frame of reference; moments with a joint that is not a number are left
                   out
    joint_names    (J,) names, if the order is another
    cameras        (C,) names
    frame_offsets  (C,): moment n is frame n + offset of that camera's video
    about          one text: what the labels are

Without `cameras` and `frame_offsets` the videos are taken to be synchronous.
"""

from pathlib import Path

import numpy as np

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.config.sequences import Work
from jointreg.datasets.calibration import fitted
from jointreg.datasets.checks import check_units
from jointreg.datasets.multiview_tree import MultiviewTree
from jointreg.datasets.named_joints import in_order
from jointreg.datasets.poses import describe_missing, left_leg_first, missing_rows
from jointreg.datasets.recording import Recording, frame_window
from jointreg.datasets.unread import require_read
from jointreg.datasets.video import probe, require_same_rate
from jointreg.errors import DataError, ShapeError
from jointreg.files.input import require_file
from jointreg.files.pickles import read_npz
from jointreg.geometry.camera import Camera

SETTING = "dataset.joints"
"""The setting that names the joint set of the labels."""


class Multiview(MultiviewTree):
    """Reader of one folder of recordings.

    Raises:
        DataError: the folder or the calibration is missing or damaged.
    """

    def recordings(self, sequence: Work) -> list[Recording]:
        """Labels, cameras and video paths of one sequence; see `datasets.recording.DataSet`.

        Raises:
            DataError: a recording, video, camera or label file is missing or damaged.
            UnitError: labels that are not metres.
        """
        recordings, names = [], self.joint_set.joints
        for take in sequence.takes:
            path = self.labels(take)
            joints_world, offsets = read_recording_labels(path, self.joint_set)
            window = frame_window(sequence.first_frame, sequence.last_frame, len(joints_world))
            missing = missing_rows(joints_world)
            if missing.any():
                print(f"{path}: {describe_missing(joints_world, 'frame', names)}; they are left out")
            labelled = np.flatnonzero(~missing)
            videos = self.videos_of(take, sequence.cameras)
            rates = {name: probe(video).rate for name, video in videos.items()}
            require_same_rate(rates, len(joints_world), str(path.parent))
            ends = {name: len(joints_world) + offsets.get(name, 0) for name in videos}
            left = {name: probe(video).frames - ends[name] for name, video in videos.items()}
            longest = max(left, key=left.__getitem__)
            if left[longest] > 0:
                print(
                    f"{path}: {len(joints_world)} rows; the last {left[longest]} frames of "
                    f"{videos[longest].name} have none and are not used"
                )
            for name, video in videos.items():
                camera = self.camera(name, video)
                joints_cam = camera.from_world(joints_world)
                check_units(joints_cam[labelled], f"{path}, camera {name}", self.joint_set)
                if offsets and name not in offsets:
                    raise DataError(
                        f"{path} has no frame offset for camera '{name}', only "
                        f"for {', '.join(sorted(offsets))}"
                    )
                recordings.append(
                    Recording(
                        subject=sequence.subject,
                        action=sequence.action,
                        take=take,
                        camera=camera,
                        video=video,
                        joints_cam=joints_cam,
                        frames=window,
                        frame_offset=offsets.get(name, 0),
                        kept=labelled if missing.any() else None,
                        gaps=bool(missing.any()),
                        joint_set=self.joint_set,
                    )
                )
        return recordings

    def camera(self, name: str, video: Path) -> Camera:
        """A camera as its video shows it (see `datasets.calibration.fitted`)."""
        info = probe(video)
        return fitted(self.calibration[name], (info.width, info.height), video)


def read_recording_labels(
    path: str | Path, joint_set: JointSet = H36M
) -> tuple[np.ndarray, dict[str, int]]:
    """Joints (N, J, 3) in metres, in the order of a joint set, and the frame offset of each camera.

    Joints that were not measured are NaN. Without offsets all cameras are synchronous.

    Raises:
        DataError: the file is missing, damaged, or lacks an array or a joint; no moment has all joints;
            sides contradict each other; an array that is not read marks labels as not valid, or names
            moments or joints.
        ShapeError: joints that are not (N, J, 3), or offsets that do not fit the cameras.
    """
    path = Path(path)
    require_file(path, "label file", "make it: docs/own_data.md lists its arrays")
    where = f"labels {path}"
    arrays = read_npz(path.read_bytes(), where)
    if "joints_world" not in arrays:
        raise DataError(f"{where} have {', '.join(sorted(arrays))}, expected joints_world among them")
    joints = _numbers(arrays, "joints_world", where)
    if joint_set != H36M:
        joints = in_order(
            joints, f"{where}: joints_world", arrays.get("joint_names"), joint_set.joints, source=SETTING
        )
    elif joints.ndim != 3 or joints.shape[1:] != (17, 3) or not len(joints):
        raise ShapeError(
            f"{where}: joints_world has shape {joints.shape}, expected (frames, 17, 3)",
            f"name another joint set with {SETTING}",
        )
    else:
        joints = left_leg_first(joints, where, arrays.get("joint_names"))
    others = {key: value for key, value in arrays.items() if key not in ("cameras", "frame_offsets")}
    require_read(others, np.isfinite(arrays["joints_world"]).all(axis=2), where)
    if missing_rows(joints).all():
        missing = describe_missing(joints, "frame", joint_set.joints)
        never = ~np.isfinite(joints).all(axis=2).any(axis=0)
        absent = [name for name, lacks in zip(joint_set.joints, never, strict=True) if lacks]
        raise DataError(
            f"{where}: {missing}",
            f"{', '.join(absent)} is never labelled: choose a joint set without it, {SETTING}"
            if absent
            else "give moments with all joints",
        )
    cameras = np.asarray(arrays.get("cameras", np.array([])))
    offsets = _numbers(arrays, "frame_offsets", where) if "frame_offsets" in arrays else np.array([])
    if cameras.shape != offsets.shape or cameras.ndim != 1:
        raise ShapeError(f"{where}: {cameras.shape} cameras and {offsets.shape} frame_offsets")
    if cameras.size and cameras.dtype.kind not in "USiu":
        raise DataError(f"{where}: cameras is {cameras.dtype}, expected names", "give text")
    whole_numbers = (offsets >= 0) & (offsets < 1e9) & (offsets == np.round(offsets))
    if not whole_numbers.all() or len(set(cameras.tolist())) != len(cameras):
        raise DataError(
            f"{where}: frame_offsets of {cameras.tolist()} are {offsets.tolist()}, expected whole "
            "numbers from 0, one a camera"
        )
    return joints, {str(name): int(offset) for name, offset in zip(cameras, offsets, strict=True)}


def _numbers(arrays: dict[str, np.ndarray], key: str, where: str) -> np.ndarray:
    values = np.asarray(arrays[key])
    if values.dtype.kind not in "fiu":
        raise DataError(f"{where}: {key} is {values.dtype} of shape {values.shape}, expected numbers")
    return values.astype(float)
