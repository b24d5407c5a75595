"""Body models as files: SMPL, SMPL-H and SMPL-X, as their makers hand them out, and one clean npz.

Official pickles were written by Python 2 with chumpy objects in them; they are read without chumpy and
without running anything (`jointreg.files.pickles`). All three become one form with SMPL's 24 joints: the
estimators predict those. Flat hands, a closed jaw and resting eyes move with their parents.

Sources: Loper et al. 2015 (SMPL); Romero et al. 2017 (SMPL-H); Pavlakos et al. 2019 (SMPL-X).
"""

import hashlib
import io
import json
import pickle
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.body.checks import (
    check_directions,
    check_faces,
    check_skeleton,
    check_template,
    check_weights,
)
from jointreg.body.model import Body
from jointreg.errors import DataError, default_cure
from jointreg.files.atomic import replace_file, sidecar_path
from jointreg.files.input import is_given, read_file
from jointreg.files.json_object import read_object
from jointreg.files.pickles import as_array, read_npz, read_pickle
from jointreg.skeleton import SMPL_24, SMPL_PARENTS

MAX_BETAS = 10
"""Shape directions that are used. Official files contain up to 300, and expressions."""

SHAPES_OF_SMPLX = 300
"""Shape directions of a whole file of SMPL-X; expressions stand behind them. Files with fewer columns
have `MAX_BETAS`."""

KINDS = {24: "SMPL", 52: "SMPL-H", 55: "SMPL-X"}
"""Number of joints -> model."""

NEEDED = ("v_template", "shapedirs", "posedirs", "weights", "J_regressor", "f", "kintree_table")
MIRRORS = ("mirror", "vert_sym_idxs")
"""Keys of the map from each vertex to the one on the other side: ours, and that of official files."""

LARGEST_NUMBER = 1e15
"""No number of a body file is larger; indices of a root are 2^32 - 1."""

_BODY_JOINTS = 22
"""Joints that all three models share, in this order; those of face and fingers come behind."""
_MIDDLE_FINGER = {52: (25, 40), 55: (28, 43)}
"""First joint of the left and right middle finger: it stands where SMPL has its hand joint."""

SMPLX_55 = (
    *SMPL_24[:_BODY_JOINTS],
    *("jaw", "left_eye", "right_eye"),
    *(
        f"{side}_{finger}{number}"
        for side in ("left", "right")
        for finger in ("index", "middle", "pinky", "ring", "thumb")
        for number in (1, 2, 3)
    ),
)
"""Joints of SMPL-X, in its order."""
FINGERS = slice(25, 55)
"""Rows of `SMPLX_55`: 15 joints of the left hand, then 15 of the right."""
_MEAN_HANDS = ("hands_meanl", "hands_meanr")
"""Keys of the mean pose of a hand's joints, axis-angle, (45,)."""

_HOW_TO_GET = (
    "register at https://smpl.is.tue.mpg.de (SMPL), https://mano.is.tue.mpg.de (SMPL-H) or "
    "https://smpl-x.is.tue.mpg.de and give the path of the file, or take the body `open`"
)


_OTHER_FILE = "take the body's file from its makers again; docs/exchange.md names those that are read"


@default_cure(_OTHER_FILE)
def read_body(path: str | Path) -> Body:
    """Read a body model.

    Args:
        path: "open" for the body shipped with jointreg (CC0); an npz or pickle of SMPL, SMPL-H or
            SMPL-X; or what `convert_body` wrote, which is checked against its sidecar.

    Returns:
        A body with 24 joints and at most `MAX_BETAS` shape directions.

    Raises:
        DataError: missing, truncated, a pickle with foreign classes, another skeleton, arrays that do
            not belong together, or a template that is not in a T-pose, y up and z forward.
        UnitError: not in metres.
    """
    raw, suffix, where = _file(path)
    sidecar = sidecar_path(path)
    if str(path) != "open" and is_given(sidecar):
        cure = f"delete {sidecar}, or convert the body again"
        if read_object(sidecar, "the sidecar of a body", cure).get("sha256") != _sha256(raw):
            raise DataError(f"{sidecar} describes another file: its sha256 is not that of {where}", cure)
    return _body(_arrays(raw, suffix, where), where)


class WholeBody(NamedTuple):
    """SMPL-X with fingers, jaw and eyes."""

    body: Body
    """Its joints are `SMPLX_55`."""
    mean_pose: np.ndarray
    """Rotations of the mean hands, axis-angle, (55, 3); zero but for the fingers."""


@default_cure(_OTHER_FILE)
def read_smplx(path: str | Path, n_betas: int) -> WholeBody:
    """Read SMPL-X with all of its joints, for poses that have fingers.

    Args:
        path: an npz or pickle of SMPL-X.
        n_betas: shape directions that are wanted.

    Raises:
        DataError: as `read_body`; another model than SMPL-X, or too few shape directions.
    """
    raw, suffix, where = _file(path)
    arrays = _arrays(raw, suffix, where, _MEAN_HANDS)
    body = _body(arrays, where)
    weights, directions = arrays["weights"], arrays["shapedirs"]
    if weights.shape[1] != len(SMPLX_55):
        raise DataError(
            f"{where} is {KINDS[weights.shape[1]]}, expected SMPL-X: its bodies have "
            f"{len(SMPLX_55)} joints",
            "give SMPLX_NEUTRAL.npz, or that of the person's gender, from https://smpl-x.is.tue.mpg.de",
        )
    available = SHAPES_OF_SMPLX if directions.shape[2] > SHAPES_OF_SMPLX else MAX_BETAS
    if n_betas > available:
        raise DataError(
            f"{where} has {available} shape directions, {n_betas} are needed",
            "give the file of SMPL-X 1.1, which has 300",
        )
    hands = [arrays[key].ravel() for key in _MEAN_HANDS if key in arrays]
    parents = arrays["kintree_table"][0].astype(np.int64)
    parents[0] = -1
    if [len(hand) for hand in hands] != [45, 45]:
        raise DataError(f"{where} lacks {' or '.join(_MEAN_HANDS)}, 45 numbers each")
    if (parents >= np.arange(len(parents))).any() or (parents[1:] < 0).any():
        raise DataError(f"{where}: kintree_table names a joint before its parent")
    mean_pose = np.zeros((len(SMPLX_55), 3))
    mean_pose[FINGERS] = np.concatenate(hands).reshape(-1, 3)
    whole = replace(
        body,
        shape_directions=directions[..., :n_betas].astype(np.float32),
        pose_directions=np.ascontiguousarray(arrays["posedirs"].transpose(2, 0, 1), np.float32),
        skinning_weights=weights.astype(np.float32),
        joint_regressor=arrays["J_regressor"].astype(np.float32),
        parents=parents,
        joint_names=SMPLX_55,
    )
    return WholeBody(whole, mean_pose)


def convert_body(source: str | Path, target: str | Path) -> Body:
    """Write a body model as plain arrays under the keys of an SMPL file, with a sidecar.

    Args:
        source: as `read_body`.
        target: an npz; or a pkl, which smplx loads without chumpy (`smplx.SMPL(target)`). Beside it
            `<target>.json` with model, shapes, and sha256 of both files.

    Raises:
        DataError, UnitError: as `read_body`; DataError: another suffix.
    """
    target = Path(target)
    if target.suffix not in (".npz", ".pkl"):
        raise DataError(
            f"body model {target} would end in '{target.suffix}', expected .npz or .pkl",
            "name the target so",
        )
    body = read_body(source)
    arrays = {
        "v_template": body.template,
        "shapedirs": body.shape_directions,
        "posedirs": body.pose_directions.transpose(1, 2, 0),
        "weights": body.skinning_weights,
        "J_regressor": body.joint_regressor,
        "f": body.faces.astype(np.uint32),
        "kintree_table": np.stack([body.parents, np.arange(len(body.parents))]),
    }
    if body.mirror is not None:
        arrays["mirror"] = body.mirror
    if target.suffix == ".pkl":
        written = pickle.dumps(arrays)
    else:
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        written = stream.getvalue()
    raw, suffix, where = _file(source)
    joints = as_array(_arrays(raw, suffix, where)["weights"], where).shape[1]
    about = {
        "model": KINDS[joints],
        "source": Path(source).name,
        "source_sha256": _sha256(raw),
        "sha256": _sha256(written),
        "topology_hash": body.topology_hash,
        "shapes": {key: list(value.shape) for key, value in arrays.items()},
    }
    replace_file(target, written)
    replace_file(sidecar_path(target), (json.dumps(about, indent=1) + "\n").encode())
    return body


def _file(path: str | Path) -> tuple[bytes, str, str]:
    """Bytes and suffix of a body's file, and its name for messages."""
    if str(path) == "open":
        return files("jointreg").joinpath("assets/open_body.npz").read_bytes(), ".npz", "open body"
    return read_file(path, "body model", _HOW_TO_GET), Path(path).suffix, str(path)


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _arrays(
    raw: bytes, suffix: str, where: str, optional: tuple[str, ...] = MIRRORS
) -> dict[str, np.ndarray]:
    """The arrays of `NEEDED` and those of `optional` that there are; other entries are not read."""
    wanted = (*NEEDED, *optional)
    loaded: Any = read_npz(raw, where, wanted) if suffix == ".npz" else read_pickle(raw, where)
    if not isinstance(loaded, dict):
        raise DataError(f"{where} holds a {type(loaded).__name__}, expected a dict of arrays")
    missing = [key for key in NEEDED if key not in loaded]
    if missing:
        raise DataError(f"{where} lacks {', '.join(missing)}; an SMPL file has {', '.join(NEEDED)}")
    arrays = {key: as_array(loaded[key], f"{where}: {key}") for key in wanted if key in loaded}
    for key, value in arrays.items():
        if value.dtype.kind not in "fiu" or value.ndim == 0:
            raise DataError(f"{where}: {key} is {value.dtype} of shape {value.shape}, expected numbers")
    return arrays


def _body(arrays: dict[str, np.ndarray], where: str) -> Body:
    for key in NEEDED:
        if not (np.abs(arrays[key].astype(np.float64)) < LARGEST_NUMBER).all():
            raise DataError(f"{where}: {key} holds NaN, infinity or more than {LARGEST_NUMBER:g}")
    template = np.asarray(arrays["v_template"], dtype=np.float32)
    count, joints = len(template), (arrays["weights"].shape or (0,))[-1]
    if joints not in KINDS:
        known = ", ".join(f"{number} ({name})" for number, name in KINDS.items())
        raise DataError(f"{where}: weights have {joints} columns, one a joint; expected {known}")
    shapes = {
        "v_template": (count, 3),
        "posedirs": (count, 3, 9 * (joints - 1)),
        "weights": (count, joints),
        "J_regressor": (joints, count),
        "kintree_table": (2, joints),
    }
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise DataError(f"{where}: {key} has shape {arrays[key].shape}, expected {shape}")
    if arrays["shapedirs"].shape[:2] != (count, 3) or arrays["shapedirs"].ndim != 3:
        raise DataError(
            f"{where}: shapedirs has shape {arrays['shapedirs'].shape}, expected ({count}, 3, betas)"
        )
    for key in ("f", "kintree_table"):
        if (arrays[key] != np.floor(arrays[key])).any():
            raise DataError(f"{where}: {key} holds fractions, expected indices")
    check_template(template, where)
    check_faces(arrays["f"].astype(np.int64), template, where)
    check_weights(arrays["weights"], where)
    check_directions(arrays["shapedirs"], arrays["posedirs"], where)
    weights, regressor, pose_directions = _with_24_joints(arrays, where)
    check_skeleton(regressor, template, weights, where)
    return Body(
        template=template,
        shape_directions=np.asarray(arrays["shapedirs"], dtype=np.float32)[..., :MAX_BETAS],
        pose_directions=np.ascontiguousarray(pose_directions.transpose(2, 0, 1)),
        skinning_weights=weights,
        joint_regressor=regressor,
        parents=np.array(SMPL_PARENTS),
        faces=arrays["f"].astype(np.int32),
        mirror=_mirror(arrays, count, where),
        joint_names=tuple(SMPL_24),
    )


def _with_24_joints(
    arrays: dict[str, np.ndarray], where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skinning weights (V, 24), joint regressor (24, V) and pose directions (V, 3, 207), float32.

    Fingers move with the hand, jaw and eyes with the head: exact while those joints are at rest.
    """
    weights = np.asarray(arrays["weights"], dtype=np.float32)
    regressor = np.asarray(arrays["J_regressor"], dtype=np.float32)
    directions = np.asarray(arrays["posedirs"], dtype=np.float32)
    parents, joints = arrays["kintree_table"][0].astype(np.int64), weights.shape[1]
    shared = joints if joints == len(SMPL_24) else _BODY_JOINTS
    if tuple(parents[1:shared].tolist()) != SMPL_PARENTS[1:shared]:
        raise DataError(
            f"{where}: kintree_table is not the skeleton of {KINDS[joints]}: parents of joints 1 to "
            f"{shared - 1} are {parents[1:shared].tolist()}, expected {list(SMPL_PARENTS[1:shared])}"
        )
    if joints == len(SMPL_24):
        return weights, regressor, directions
    merged = np.zeros((len(weights), len(SMPL_24)), dtype=np.float32)
    merged[:, :_BODY_JOINTS] = weights[:, :_BODY_JOINTS]
    hands = {SMPL_24.index(f"{side}_wrist"): SMPL_24.index(f"{side}_hand") for side in ("left", "right")}
    for joint in range(_BODY_JOINTS, joints):
        carrier = joint
        while carrier >= _BODY_JOINTS:
            carrier = int(parents[carrier])
        merged[:, hands.get(carrier, carrier)] += weights[:, joint]
    rows = [*range(_BODY_JOINTS), *_MIDDLE_FINGER[joints]]
    body_only = np.zeros((len(weights), 3, 9 * (len(SMPL_24) - 1)), dtype=np.float32)
    body_only[..., : 9 * (_BODY_JOINTS - 1)] = directions[..., : 9 * (_BODY_JOINTS - 1)]
    return merged, regressor[rows], body_only


def _mirror(arrays: dict[str, np.ndarray], count: int, where: str) -> np.ndarray | None:
    """Vertex on the other side, (V,); None where the file has no map, or one that is not symmetric."""
    key = next((key for key in MIRRORS if key in arrays), None)
    if key is None:
        return None
    mirror = arrays[key].astype(np.int64).ravel()
    inside = len(mirror) == count and mirror.min() >= 0 and mirror.max() < count
    if inside and np.array_equal(mirror[mirror], np.arange(count)):
        return mirror
    print(f"{where}: {key} does not pair the {count} vertices, so `symmetric` cannot be used")
    return None


def load_body(path: str | Path) -> Body:
    """Load a body model; see `jointreg.body.read_body`, which this is.

    Args:
        path: "open" for the body shipped with jointreg (CC0), or a file of SMPL, SMPL-H or SMPL-X.
    """
    return read_body(path)
