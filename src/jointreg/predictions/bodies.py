"""Initial bodies: delivered prediction files matched to the frames of a sequence, or a fit to labels.

`predictions.files` reads the files, `predictions.conventions` the arrays in them; here they are matched
to the frames. Everything is in the camera frame, metres.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, JOINT_SETS, ON_THE_HEAD, JointSet, joint_set_of
from jointreg.config.methods import prediction_paths
from jointreg.config.settings import Estimate
from jointreg.datasets.poses import faces_away, require_same_sides, require_upright
from jointreg.datasets.unread import require_read
from jointreg.errors import DataError
from jointreg.predictions.conventions import BETAS, JOINTS, PARTS, WHOLE, bodies, named_joints
from jointreg.predictions.files import read_file
from jointreg.predictions.keypoint_fit import fit_keypoints
from jointreg.predictions.rows import (
    IDENTITY,
    NAMES,
    identity_of,
    names_of_rows,
    numbers_of,
    of_sequence,
    pictures_of,
    require_numbers,
)
from jointreg.predictions.shape_space import require_model, require_shape_space
from jointreg.predictions.vertices import HALF, VERTICES, in_half_precision, require_mesh, vertices
from jointreg.skeleton import H36M_17, SMPL_24
from jointreg.stores.schema import Record

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEAREST_M = 0.2
"""Least distance of a predicted body from the camera along the optical axis, metres."""

FAR_M = 0.2
"""Bodies farther than this from the labels, on average, are noted; metres. Those of real methods are
0.03 to 0.15 from them."""

SKELETON = JOINT_SETS["smpl_24"]
"""The joints of the bodies."""


def estimate(
    reading: Mapping[str, str],
    which: Mapping[str, str],
    frames: Record,
    body: Body,
    settings: Estimate,
    mesh_map: "csr_array | None" = None,
) -> dict[str, np.ndarray]:
    """Results of one method, one for every row of `frames`.

    Args:
        reading: `config.methods.Method.reading`: kind, files, rows, six; perhaps body and track.
        which: method, subject and action.
        frames: store FRAMES.
        body: the body model.
        settings: the block `estimate`.
        mesh_map: for meshes that are not the body's: (V, W), its vertices from those of the files.

    Returns:
        Arrays of `stores.BODIES`; for the kinds `joints` and `vertices` those of `stores.JOINTS` and
        `stores.VERTICES`.

    Raises:
        DataError: a file is missing, damaged, or lacks a frame. No default replaces it.
    """
    labels, joint_set = frames.joints_cam, joint_set_of(frames.attrs)
    if reading["kind"] == "keypoints":
        return fit_keypoints(body, labels, settings, joint_set)._asdict()
    parts, where = [], ""
    for path, values in _sources(reading, which, frames, settings):
        if reading["kind"] == "joints":
            content = {"joints": named_joints(values, path, joint_set.joints)}
        elif reading["kind"] == "vertices":
            meshes = vertices(values, path)
            require_model(meshes, path, reading.get("body", ""))
            content = {"vertices": _on_mesh(meshes, mesh_map, body, path)}
        else:
            require_shape_space(values, path, body.n_vertices, reading.get("body", ""))
            content = bodies(values, path, body.n_betas, reading["six"])
        _require_read(content, values, path)
        parts.append(_identified(content, values, path))
        where = path
    keys = set.intersection(*(set(part) for part in parts))
    whole = {key: np.concatenate([part[key] for part in parts]) for key in sorted(keys)}
    matched = match_predictions(whole, frames, where)
    require_numbers(matched, where, "labelled frame")
    if reading["kind"] == "joints":
        trunk, labelled = (_along(joint_set.trunk(points)) for points in (matched["joints"], labels))
        require_upright(trunk, labelled, where)
        require_same_sides(matched["joints"], labels, where, joint_set)
        return {"joints": matched["joints"].astype(np.float32)}
    if reading["kind"] == "vertices":
        meshes = matched["vertices"].astype(np.float32)
        check_bodies(np.matmul(body.joint_regressor, meshes), labels, where, joint_set=joint_set)
        return {"vertices": meshes}
    skeleton = body.joints(matched["rotations"], matched["betas"])
    check_bodies(skeleton, labels, where, joint_set=joint_set)
    if "translation" not in matched:
        matched["translation"] = placed(skeleton, labels, joint_set)
        print(f"{where}: no translation in metres, bodies are placed by the labels")
    depth = matched["translation"][:, 2]
    behind = np.flatnonzero(~(depth > NEAREST_M))
    if len(behind):
        raise DataError(
            f"{where}: {len(behind)} bodies do not lie before the camera, the first at "
            f"{depth[behind[0]]:.3g} m, expected more than {NEAREST_M} m",
            "translations are in the camera's frame, z forward; or leave the key out",
        )
    return {key: matched[key].astype(np.float32) for key in ("rotations", "betas", "translation")}


def read_predictions(
    path: str | Path,
    body: Body | None,
    track: str = "",
    *,
    kind: str = "predictions",
    names: tuple[str, ...] = H36M_17,
    note: Callable[[str], None] = print,
    may_lack: bool = False,
) -> dict[str, np.ndarray]:
    """Predictions of one file, and the frames that it names for them.

    Args:
        path: the file.
        body: the body model; None where no body is posed and no mesh compared with one.
        track: the person to read if the file has several, as the tool numbers them.
        kind: predictions (bodies), joints or vertices; empty: bodies where the file has rotations, else
            vertices, else joints.
        names: of the joints, for the kind `joints`.
        note: is told what is assumed and left out.
        may_lack: keep rows that are not numbers; the caller has to look whether a frame needs them.

    Returns:
        rotations (N, 24, 3, 3) and betas (N, B), and translation (N, 3) metres where the file contains
        it; or vertices (N, V, 3) metres; or joints (N, J, 3) metres in the order of `names`. If the file
        contains them also take, camera, frame and imgname, (N,) each.

    Raises:
        DataError: missing, truncated, arrays of other shapes than the body needs, another mesh than the
            body's, or betas of another model than the body's.
    """
    where = str(path)
    values = read_file(path, track, note, meshes=kind in ("", "vertices"))
    kind = kind or _kind_of(values, where)
    _note_half_precision(values, where, note)
    if kind == "vertices":
        content = {"vertices": vertices(values, where, note)}
        if body is not None:
            require_mesh(content["vertices"], body, where)
    elif kind == "joints":
        content = {"joints": named_joints(values, where, names, note)}
    elif body is None:
        raise DataError(
            f"{where} has parameters of bodies, which need a body to be posed", "name it with --body"
        )
    else:
        require_shape_space(values, where, body.n_vertices, note=note)
        content = bodies(values, where, body.n_betas, note=note)
    if not may_lack:
        require_numbers(content, where)
    return content | _names_of(values, where, _require_read(content, values, where))


def _note_half_precision(values: Mapping[str, Any], where: str, note: Callable[[str], None]) -> None:
    """Say which arrays that are read have lost digits."""
    read = (*WHOLE, *PARTS, *JOINTS, *VERTICES, "translation")
    arrays = {key: values[key] for key in read if isinstance(values.get(key), np.ndarray)}
    half = [
        key
        for key, array in arrays.items()
        if array.dtype == np.float16 or (key in VERTICES and in_half_precision(array))
    ]
    if half:
        note(f"{where}: {', '.join(half)} {HALF}; rotations to a thousandth")


def _require_read(content: Mapping[str, np.ndarray], values: Mapping[str, Any], where: str) -> int:
    """Number of rows that were read, after a look at what stands beside them."""
    first = next(iter(content.values()))
    given = np.ones(first.shape[: 2 if "joints" in content else 1], dtype=bool)
    require_read(values, given, where, NAMES)
    return len(first)


def _names_of(values: Mapping[str, Any], where: str, count: int) -> dict[str, np.ndarray]:
    """What names the rows of a file: take, camera and frame; else frame, imgname, both or neither.

    Raises:
        DataError: another number of names than `count` rows.
    """
    names = identity_of(values, where)
    if names is None:
        columns = {"frame": numbers_of(values, where), "imgname": pictures_of(values)}
        names = {key: column for key, column in columns.items() if column is not None}
    for key, column in names.items():
        if len(column) != count:
            raise DataError(f"{where}: {count} rows, but {len(column)} of {key}")
    return names


def _kind_of(values: Mapping[str, Any], where: str) -> str:
    """What a file contains: a kind of `config.methods.FROM_FILES`."""
    kinds = {"predictions": (*WHOLE, *PARTS, *BETAS), "vertices": VERTICES, "joints": JOINTS}
    for kind, keys in kinds.items():
        if set(values) & set(keys):
            return kind
    raise DataError(
        f"{where} has the arrays {', '.join(map(str, values)):.200}, none of which is read",
        "name them joints (N, J, 3); vertices (N, V, 3); or rotations (N, 24, 3, 3) and betas (N, 10). "
        "docs/methods.md has all names and shapes",
    )


def check_bodies(
    skeleton: np.ndarray,
    labels: np.ndarray,
    where: str,
    note: Callable[[str], None] = print,
    joint_set: JointSet = H36M,
) -> None:
    """Refuse bodies in another frame of reference than the labels', and note if most are far from them.

    Args:
        skeleton: the bodies' joints, (N, 24, 3) metres, `SMPL_24`.
        labels: (N, J, 3) metres.
        where: names the file of the predictions.
        note: is told if most are far.
        joint_set: what the labels are.

    Raises:
        DataError: as `datasets.poses.require_upright`.
    """
    ends, labelled = SKELETON.trunk(skeleton), joint_set.trunk(labels)
    require_upright(_along(ends), _along(labelled), where)
    if {"left_hip", "right_hip"} <= set(joint_set.places):
        across = [
            points[:, names.index("left_hip")] - points[:, names.index("right_hip")]
            for points, names in ((skeleton, SMPL_24), (labels, joint_set.places))
        ]
        share = faces_away(*across)
        if share > 0.5:
            note(f"{where}: in {share:.0%} of the rows left and right lie opposite to the labels'")
    near, nearest = _placed_by(joint_set)
    apart = skeleton[:, nearest] + (labelled[0] - ends[0])[:, None] - labels[:, near]
    away = float(np.median(np.linalg.norm(apart, axis=-1).mean(axis=1)))
    if away > FAR_M:
        note(
            f"{where}: the skeleton's joints lie {1000 * away:.0f} mm (median) from the labels: rows of "
            "other frames, a mirrored axis, left and right exchanged, or rotations transposed"
        )


def match_predictions(
    arrays: Mapping[str, np.ndarray], frames: Record, where: str
) -> dict[str, np.ndarray]:
    """Rows of `arrays` in the order of the frames, without take, camera and frame.

    Raises:
        DataError: a frame has no prediction, or several.
    """
    position: dict[tuple[str, str, int], int] = {}
    for row, key in enumerate(zip(arrays["take"], arrays["camera"], arrays["frame"], strict=True)):
        identity = (str(key[0]), str(key[1]), int(key[2]))
        if identity in position:
            raise DataError(
                f"{where}: take {key[0]}, camera {key[1]}, frame {key[2]} stands twice",
                "one person a frame: keep the labelled one",
            )
        position[identity] = row
    takes, cameras = frames.attrs["take_names"], frames.attrs["camera_names"]
    chosen = []
    for take, camera, frame in zip(frames.take, frames.camera, frames.frame, strict=True):
        identity = (takes[take], cameras[camera], int(frame))
        if identity not in position:
            raise DataError(
                f"{where}: no prediction for take {identity[0]}, camera {identity[1]}, frame {frame} "
                f"({len(position)} rows in the file, {len(frames.frame)} frames wanted)",
                "run the method on every frame that `prepare` keeps (prepare.frame_step); frames count "
                "from 0",
            )
        chosen.append(position[identity])
    return {key: value[chosen] for key, value in arrays.items() if key not in IDENTITY}


def placed(skeleton: np.ndarray, joints_cam: np.ndarray, joint_set: JointSet = H36M) -> np.ndarray:
    """Translation that brings a body's skeleton nearest to the labels.

    A file's weak-perspective camera belongs to a crop that the file does not describe, so it cannot
    place a body in the room (docs/deviations.md#prediction-files).

    Args:
        skeleton: the body's joints without translation, (N, 24, 3) metres, `SMPL_24`.
        joints_cam: labels, (N, J, 3) metres.
        joint_set: what the labels are.

    Returns:
        (N, 3) metres.
    """
    near, nearest = _placed_by(joint_set)
    return (joints_cam[:, near] - skeleton[:, nearest]).mean(axis=1)


def _placed_by(joint_set: JointSet) -> tuple[np.ndarray, np.ndarray]:
    """Labels that lie near enough to a skeleton joint to place a body by them, and those joints."""
    near = np.array([row for row, at in enumerate(joint_set.places) if at not in ON_THE_HEAD])
    return near, np.array(joint_set.limbs)[near]


def _sources(
    reading: Mapping[str, str], which: Mapping[str, str], frames: Record, settings: Estimate
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and values of each file of the method, rows of this sequence only, with their identity."""
    takes, cameras = frames.attrs["take_names"], frames.attrs["camera_names"]
    pairs = sorted(set(zip(frames.take.tolist(), frames.camera.tolist(), strict=True)))
    sequence = dict(which) | {"units": [(takes[take], cameras[camera]) for take, camera in pairs]}
    naming = list(prediction_paths(settings.predictions, reading["rows"], sequence))
    files = prediction_paths(settings.predictions, reading["files"], sequence)
    if reading["rows"] and len(naming) != len(files):
        raise DataError(
            f"{which['method']}: {len(files)} prediction files, but {len(naming)} that name their rows",
            "use the same placeholders in the columns `files` and `rows` of the table of methods",
        )
    for number, (path, from_path) in enumerate(files.items()):
        values = read_file(path, reading.get("track", ""), meshes=reading["kind"] == "vertices")
        if reading["rows"]:
            values = {k: v for k, v in values.items() if k not in IDENTITY} | names_of_rows(
                naming[number]
            )
        yield path, of_sequence(values, which, frames.attrs.get("take_files", {}), from_path, path)


def _on_mesh(meshes: np.ndarray, mesh_map: "csr_array | None", body: Body, where: str) -> np.ndarray:
    """Meshes (N, W, 3) of a file as meshes of the body, (N, V, 3) metres."""
    if mesh_map is not None:
        if mesh_map.shape != (body.n_vertices, meshes.shape[1]):
            raise DataError(
                f"the map of the method is of shape {mesh_map.shape}, expected ({body.n_vertices}, "
                f"{meshes.shape[1]}): vertices of the body, vertices of {where}",
                "name the map from those meshes to the body's in the column `map`",
            )
        meshes = np.stack([(mesh_map @ mesh).astype(np.float32) for mesh in meshes])
    require_mesh(meshes, body, where)
    return meshes


def _identified(
    content: dict[str, np.ndarray], values: Mapping[str, Any], where: str
) -> dict[str, np.ndarray]:
    """The content, with take, camera and frame of its rows."""
    for key, value in content.items():
        if len(value) != len(values["frame"]):
            raise DataError(
                f"{where}: {len(value)} rows of {key}, but {len(values['frame'])} frames are named"
            )
    return content | {key: np.asarray(values[key]) for key in IDENTITY}


def _along(ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """From the lower to the upper end of the trunk, (N, 3)."""
    return ends[1] - ends[0]
