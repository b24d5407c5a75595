"""Files of truth: labelled joints, meshes, parameters of bodies, and the forms of public data sets."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import JointSet
from jointreg.errors import DataError, default_cure
from jointreg.evaluation.label_files import read_labelled_frames, require_once
from jointreg.evaluation.matching import FRAMES_ARE_ROWS
from jointreg.evaluation.smplx_truth import (
    BEDLAM_KEYS,
    RICH_KEYS,
    needed_body,
    read_bedlam,
    read_rich,
)
from jointreg.files.input import require_file
from jointreg.files.pickles import as_array
from jointreg.geometry.rotations import from_axis_angle
from jointreg.predictions.bodies import read_predictions
from jointreg.predictions.conventions import PARTS, WHOLE, bodies
from jointreg.predictions.files import read_content
from jointreg.predictions.rows import require_numbers
from jointreg.predictions.vertices import VERTICES, is_mesh
from jointreg.stores.schema import Record

_POSED = "pose its bodies with smplx and give the meshes: np.savez(file, vertices=...), camera's axes"


@default_cure("docs/score_3dpw.md lists the files of truth that are read")
def read_truth(
    path: str | Path,
    joints: JointSet,
    body: Body | None,
    track: str = "",
    note: Callable[[str], None] = print,
    *,
    body_file: str = "",
    camera: str = "",
) -> Record:
    """The truth of some frames, and what names them.

    Args:
        path: labels as `read_labelled_frames`; a sequence file of 3DPW or EMDB (pkl); a sequence's
            folder of RICH; processed labels of BEDLAM; or a file of bodies or meshes in the forms of
            predictions.
        joints: the joint set of labels.
        body: the body model that poses bodies; for meshes None, or the body with their faces.
        track: the person to read where the file has several: for 3DPW 0 or 1.
        note: is told what is assumed and left out.
        body_file: the file of `body`, for notes; RICH and BEDLAM need all of its joints.
        camera: calibration file, for RICH.

    Returns:
        joints_cam (N, J, 3), vertices (N, V, 3), or rotations (N, 24, 3, 3) and betas (N, B); in metres
        and the camera's frame. Beside them `row`, and the names of the rows. Facts: rows_in_file.

    Raises:
        DataError: missing, not readable, another shape, another mesh, or parameters without a body.
        UnitError: not in metres or millimetres.
        StoreError: a damaged store.
    """
    path = Path(path)
    if path.is_dir():
        return read_rich(path, body_file, camera, track, note)
    require_file(path, "file of truth", "check the path")
    if path.name.endswith(".zarr.zip"):
        _require_no_track(track, str(path))
        return read_labelled_frames(path, joints, note)
    content = read_content(path)
    keys = set(content) if isinstance(content, dict) else set()
    if keys >= RICH_KEYS:
        if path.suffix != ".pkl" or np.size(content["global_orient"]) != 3:
            raise DataError(
                f"{path} has bodies of SMPL-X, and is not of RICH: one person, one frame", _POSED
            )
        return read_rich(path, body_file, camera, track, note)
    if camera:
        raise DataError(f"{path} is not of RICH, so that it needs no camera", "leave out --truth-camera")
    if "joints_cam" in keys or (isinstance(content, np.ndarray) and not is_mesh(content)):
        _require_no_track(track, str(path))
        return read_labelled_frames(path, joints, note)
    where = str(path)
    if keys >= BEDLAM_KEYS:
        truth = read_bedlam(content, where, body_file, track, note)
        require_once(truth, truth.attrs, path)
        return truth
    try:
        if {"poses", "campose_valid", "cam_poses"} <= keys:
            return _of_video(*_3dpw(content, where, track, body_file, note), body, where, note)
        if {"smpl", "good_frames_mask", "camera"} <= keys:
            _require_no_track(track, where)
            return _of_video(*_emdb(content, where, body_file, note), body, where, note)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise DataError(f"{where} is arranged in no known form ({error!r})"[:400]) from error
    if isinstance(content, dict) and not keys & {*VERTICES, *WHOLE, *PARTS} and path.suffix == ".npz":
        return read_labelled_frames(path, joints, note)
    arrays = read_predictions(path, body, track, kind="", note=note)
    if "joints" in arrays:
        raise DataError(f"{path} has joints, expected joints_cam of shape (N, {len(joints.joints)}, 3)")
    count = len(next(iter(arrays.values())))
    facts: dict[str, Any] = {"rows_in_file": count}
    arrays["row"] = np.arange(count)
    for key in ("take", "camera"):
        if key in arrays:
            names, arrays[key] = np.unique(arrays[key], return_inverse=True)
            facts[f"{key}_names"] = names.tolist()
    require_once(arrays, facts, path)
    return Record(arrays, facts)


def _require_no_track(track: str, where: str) -> None:
    if track:
        raise DataError(f"{where} names no people, '{track:.40}' is none", "leave out --truth-track")


def _3dpw(
    content: Mapping[Any, Any], where: str, track: str, body_file: str, note: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pose, betas, cameras and valid frames of one person of a sequence file."""
    people = [str(person) for person in range(len(content["poses"]))]
    if (track or len(people) > 1) and track not in people:
        raise DataError(
            f"{where} has {len(people)} people ({', '.join(people)}), "
            + (f"no person '{track:.40}'" if track else "expected the number of one"),
            "choose the person of the predictions: --truth-track 0",
        )
    person = int(track or 0)
    genders = content.get("genders", content.get("gender", []))
    if person < len(genders):
        note(needed_body(f"{where}: person {person}", genders[person], "SMPL", body_file))
    valid = as_array(content["campose_valid"][person], f"{where}: campose_valid")
    return (
        as_array(content["poses"][person], f"{where}: poses"),
        as_array(content["betas"][person], f"{where}: betas"),
        as_array(content["cam_poses"], f"{where}: cam_poses"),
        valid.astype(bool),
    )


def _emdb(
    content: Mapping[Any, Any], where: str, body_file: str, note: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pose, betas, cameras and good frames of a sequence file."""
    smpl = content["smpl"]
    note(needed_body(f"{where}: the person", content.get("gender", "?"), "SMPL", body_file))
    root, rest = (as_array(smpl[key], f"{where}: {key}") for key in ("poses_root", "poses_body"))
    return (
        np.concatenate([root, rest], axis=-1),
        as_array(smpl["betas"], f"{where}: betas"),
        as_array(content["camera"]["extrinsics"], f"{where}: extrinsics"),
        as_array(content["good_frames_mask"], f"{where}: good_frames_mask").astype(bool),
    )


def _of_video(
    pose: np.ndarray,
    betas: np.ndarray,
    cameras: np.ndarray,
    valid: np.ndarray,
    body: Body | None,
    where: str,
    note: Callable[[str], None],
) -> Record:
    """Bodies of the valid frames, turned into the camera's frame.

    Args:
        pose: axis-angle in the room's frame, (F, 72).
        betas: of the person, (B,) or more numbers; or (F, B), those of each frame.
        cameras: room to camera, (F, 4, 4).
        valid: (F,) bool.
        body: poses them.
        where: names the file.
        note: is told how many frames are left out.
    """
    if body is None:
        raise DataError(f"{where} has parameters of bodies", "name their body with --truth-body")
    count = len(pose)
    if pose.shape != (count, 72) or cameras.shape != (count, 4, 4) or valid.shape != (count,):
        raise DataError(
            f"{where}: poses {pose.shape}, cameras {cameras.shape} and valid frames {valid.shape}, "
            "expected (F, 72), (F, 4, 4) and (F,)"
        )
    used = np.flatnonzero(valid)
    if not len(used):
        raise DataError(f"{where} has no valid frame")
    if len(used) < count:
        note(f"{where}: {count - len(used)} of {count} frames are not valid and left out")
    rotations = from_axis_angle(pose[used].reshape(-1, 24, 3))
    rotations[:, 0] = cameras[used, :3, :3] @ rotations[:, 0]
    shape = np.atleast_2d(betas)
    if shape.ndim != 2 or len(shape) not in (1, count):
        raise DataError(f"{where}: betas {betas.shape}, expected those of the person, or of each frame")
    if shape[:, body.n_betas :].any():
        note(
            f"{where}: of {shape.shape[1]} betas the first {body.n_betas} are used, as many as the body "
            "has"
        )
    shape = shape[used] if len(shape) == count else shape[0]
    values = {"rotations": rotations, "betas": shape[..., : body.n_betas]}
    arrays = bodies(values, where, body.n_betas, note=note)
    require_numbers(arrays, where, "frame", used, "repair the file, or mark these frames as not valid")
    return Record(arrays | {"frame": used, "row": used}, {"rows_in_file": count, FRAMES_ARE_ROWS: True})
