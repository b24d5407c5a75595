"""Truth of SMPL-X with fingers, posed: per-frame files of RICH, processed labels of BEDLAM.

Public evaluations of RICH pose the body without its fingers' own pose, with SMPL-X's mean hands and a
face at rest: BEDLAM train/dataset/dataset.py (2025-11-13), WHAM lib/eval/evaluate_rich.py (2024-04-18).
Layouts: paulchhuang/rich_toolkit smplx2images.py (2023-02-12), BEDLAM data_processing/ReadMe.md
(2025-10-17).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.arrays import texts
from jointreg.body.files import SMPLX_55, read_smplx
from jointreg.body.joints import BATCH
from jointreg.errors import DataError
from jointreg.evaluation.matching import FRAMES_ARE_ROWS
from jointreg.files.input import require_file
from jointreg.files.pickles import as_array, read_pickle
from jointreg.files.xml import read_xml
from jointreg.geometry.rotations import from_axis_angle, rotation_errors
from jointreg.predictions.conventions import LARGEST_BETA, LARGEST_ERROR
from jointreg.stores.schema import Record

RICH_KEYS = frozenset({"global_orient", "body_pose", "betas", "transl", "left_hand_pose"})
"""Keys that show a file of RICH, one person in one frame."""
BEDLAM_KEYS = frozenset({"pose_cam", "shape"})
"""Keys that show processed labels of BEDLAM."""

GENDERED_BETAS = 10
"""Betas of BEDLAM's labels for a body of the person's gender; more are those of the neutral body,
whatever `gender` is."""
_BODY = 22
"""Joints of the body, before face and fingers."""
_PEOPLE = 6
"""People that an error names."""
_CAMERA = "give RICH's scan_calibration/SCENE/calibration/CAMERA.xml: --truth-camera 000.xml"


def rich_people(folder: Path) -> dict[str, dict[int, Path]]:
    """Person -> frame -> file in a folder of RICH, `bodies/test/SEQUENCE`: `00150/013.pkl`."""
    people: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*/*.pkl")):
        if path.parent.name.isdecimal():
            people.setdefault(path.stem, {})[int(path.parent.name)] = path
    return people


def read_rich(
    path: Path, body: str, camera: str, track: str, note: Callable[[str], None] = print
) -> Record:
    """The posed meshes of one person of a sequence, in a camera's frame but for the place.

    Args:
        path: the sequence's folder, or a file of it, one frame.
        body: file of SMPL-X of the person's gender.
        camera: calibration of the camera.
        track: the person, where the folder has several.
        note: is told which frames lack the person, and what is not used.

    Raises:
        DataError: no such folder or person, a file of another form, or no camera.
    """
    people = rich_people(path) if path.is_dir() else {path.stem: {0: path}}
    if not people:
        raise DataError(
            f"{path} is a folder, expected a file, or RICH's FRAME/PERSON.pkl in it",
            "give a file, or the folder of a sequence of RICH, bodies/test/SEQUENCE",
        )
    person = _one_of(list(people), track, str(path))
    turn = _room_to_camera(camera, path)
    files = people[person]
    every = {frame for frames in people.values() for frame in frames}
    if len(files) < len(every):
        note(f"{path}: {len(every) - len(files)} of {len(every)} frames lack person {person}")
    poses, betas = [], []
    for file in files.values():
        content = read_pickle(file.read_bytes(), str(file))
        if not isinstance(content, dict) or not set(content) >= RICH_KEYS:
            raise DataError(
                f"{file} lacks {', '.join(sorted(RICH_KEYS))}", "take RICH's files as they are"
            )
        root, body_pose, shape = (
            as_array(content[key], f"{file}: {key}").ravel()
            for key in ("global_orient", "body_pose", "betas")
        )
        poses.append(np.concatenate([root, body_pose]))
        betas.append(shape)
    vertices = _posed(_table(poses, path), _table(betas, path), body, str(path), turn)
    note(
        f"{path}: the truth's body is SMPL-X of the person's gender; fingers are at the model's mean, "
        "the face at rest, as in public evaluations"
    )
    arrays = {"vertices": vertices, "row": np.arange(len(files))}
    if path.is_dir():
        arrays["frame"] = np.array(list(files))
    return Record(arrays, {"rows_in_file": len(files), FRAMES_ARE_ROWS: True})


def read_bedlam(
    content: Mapping[Any, Any], where: str, body: str, track: str, note: Callable[[str], None] = print
) -> Record:
    """The posed meshes of one person, in the camera's frame but for the place.

    Args:
        content: of processed labels.
        where: names the file.
        body: file of SMPL-X, neutral or of the person's gender.
        track: the person (`sub`), where the file has several.
        note: is told the body that the labels are for.

    Raises:
        DataError: another shape, several people or genders.
    """
    pose, shape = (as_array(content[key], f"{where}: {key}") for key in ("pose_cam", "shape"))
    count = len(pose) if pose.ndim else 0
    if (
        shape.ndim != 2
        or len(shape) != count
        or pose.shape
        not in (
            (count, 3 * _BODY),
            (count, 3 * len(SMPLX_55)),
        )
    ):
        raise DataError(
            f"{where}: pose_cam {pose.shape} and shape {shape.shape}, expected (N, 165) or (N, 66), "
            "and (N, B)",
            "give the labels for SMPL-X, as data_processing/df_full_body.py writes them",
        )
    columns = {
        key: texts(content[key]).ravel() for key in ("sub", "gender", "imgname") if key in content
    }
    wrong = [key for key, column in columns.items() if len(column) != count]
    if wrong:
        raise DataError(f"{where}: {count} rows, but {len(columns[wrong[0]])} of {wrong[0]}")
    people = np.unique(columns["sub"]).tolist() if "sub" in columns else [""]
    person = _one_of(people, track, where)
    rows = np.flatnonzero(columns["sub"] == person) if "sub" in columns else np.arange(count)
    if shape.shape[1] > GENDERED_BETAS:
        note(f"{where}: {shape.shape[1]} betas are of the neutral SMPL-X, which {body} has to be")
    elif "gender" in columns:
        genders = np.unique(columns["gender"][rows]).tolist()
        if len(genders) > 1:
            raise DataError(
                f"{where} has rows of several genders ({', '.join(genders)}), each of a body of its own",
                "save the rows of each gender in a file of their own",
            )
        note(needed_body(f"{where}: the person", genders[0], "SMPL-X", body))
    vertices = _posed(pose[rows], shape[rows], body, where)
    arrays = {"vertices": vertices, "row": rows}
    if "imgname" in columns:
        arrays["imgname"] = columns["imgname"][rows]
    return Record(arrays, {"rows_in_file": count})


def needed_body(who: str, gender: object, model: str, file: str) -> str:
    """The note that names the body of the truth: posed by another one, it gives another person."""
    used = file or "its body"
    return f"{who} is '{gender}': the truth is posed by {used}, which has to be {model} of that gender"


def _one_of(people: list[str], track: str, where: str) -> str:
    """The person that is read."""
    if len(people) == 1 and track in ("", people[0]):
        return people[0]
    if track in people:
        return track
    names = ", ".join(people[:_PEOPLE]) + (", ..." if len(people) > _PEOPLE else "")
    raise DataError(
        f"{where} has {len(people)} people ({names}), "
        + (f"no person '{track:.40}'" if track else "expected the name of one"),
        f"choose the person of the predictions: --truth-track {people[0]}",
    )


def _room_to_camera(camera: str, path: Path) -> np.ndarray:
    """Rotation from the room's frame to the camera's, (3, 3), of RICH's calibration."""
    if not camera:
        raise DataError(f"{path} has bodies in the room's frame, and no camera is named", _CAMERA)
    require_file(camera, "calibration", _CAMERA)
    data = read_xml(Path(camera), _CAMERA).find("./CameraMatrix/data")
    try:
        matrix = np.array((data.text or "").split() if data is not None else [], dtype=float)
    except ValueError:
        matrix = np.empty(0)
    if matrix.shape != (12,):
        raise DataError(f"{camera} lacks CameraMatrix/data, 12 numbers", _CAMERA)
    rotation = matrix.reshape(3, 4)[:, :3]
    if not rotation_errors(rotation[None]).max() <= LARGEST_ERROR:
        raise DataError(f"{camera}: CameraMatrix has no rotation in its first three columns", _CAMERA)
    return rotation


def _table(rows: list[np.ndarray], path: Path) -> np.ndarray:
    """Rows of equal length, (N, L)."""
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise DataError(
            f"{path}: its files have {lengths} numbers of one kind, expected as many in each"
        )
    return np.stack(rows)


def _posed(
    pose: np.ndarray, betas: np.ndarray, file: str, where: str, turn: np.ndarray | None = None
) -> np.ndarray:
    """Posed vertices (N, V, 3), metres, the root at the model's place.

    Args:
        pose: axis-angle, (N, 165), or (N, 66) of the body alone.
        betas: (N, B).
        file: of SMPL-X.
        where: names the truth.
        turn: from the room's frame to the camera's, (3, 3); None where the pose is in the camera's.
    """
    if not file:
        raise DataError(
            f"{where} has parameters of SMPL-X", "name its file with --truth-body SMPLX_MALE.npz"
        )
    if pose.shape[1:] not in ((3 * _BODY,), (3 * len(SMPLX_55),)) or betas.ndim != 2 or not len(pose):
        raise DataError(f"{where}: poses {pose.shape}, betas {betas.shape}, expected (N, 66), (N, B)")
    for name, values in (("pose", pose), ("betas", betas)):
        if not np.isfinite(values).all():
            row = np.argmax(~np.isfinite(values).all(axis=1))
            raise DataError(f"{where}: {name} of row {row} is not finite", "leave such rows out")
    if np.abs(betas).max() > 3 * LARGEST_BETA:
        raise DataError(
            f"{where}: betas reach {np.abs(betas).max():.3g}, expected under {LARGEST_BETA:.0f}"
        )
    whole = read_smplx(file, betas.shape[1])
    vectors = np.tile(whole.mean_pose, (len(pose), 1, 1))
    given = pose.reshape(len(pose), -1, 3)
    vectors[:, : given.shape[1]] = given
    rotations = from_axis_angle(vectors)
    if turn is not None:
        rotations[:, 0] = turn @ rotations[:, 0]
    parts = [slice(start, start + BATCH) for start in range(0, len(pose), BATCH)]
    return np.concatenate([whole.body.vertices(rotations[part], betas[part]) for part in parts])
