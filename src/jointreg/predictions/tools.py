"""Brings the nested prediction files of other tools to one flat mapping.

If a file names them, the frame of reference and the person of a row are used, and rows of frames without
the person are left out. docs/methods.md lists the tools.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jointreg.errors import DataError
from jointreg.files.pickles import as_array

NUMBERS = ("frame", "frame_ids", "frame_id")
"""Keys of frame numbers, from 0."""
NESTED = ("smpl", "pred_smpl_params", "smpl_params")
"""Keys under which tools put the body's parameters as a dict."""
IN_CAMERA = ("smpl_params_incam", "smplx_cam", "smpl_cam")
"""Keys of a dict of parameters in the camera's frame: GVHMR, PromptHMR."""
IN_WORLD = ("smpl_params_global", "smplx_world", "smpl_world")
"""Keys of a dict of parameters in the tool's own world frame, which is not the labels': not read."""

_POSED = "pose|orient|rot|theta|smpl"
"""What at least one key of a person contains; entries of other files are cameras or labels."""

SMPL_VERSIONS = {0: "SMPL", 1: "SMPL-H", 2: "SMPL-X"}
"""Field smplVersion of a `.smpl` file; 3 to 5 are SUPR, SMPL++ and SKEL."""

_PAGE = "docs/methods.md lists files, keys and shapes"


def flattened(
    content: Mapping[str, Any],
    where: str,
    track: str = "",
    note: Callable[[str], None] = print,
) -> dict[str, Any]:
    """The arrays of one person, or of several whose frames do not overlap.

    Args:
        content: of a prediction file.
        where: names the file in errors.
        track: the person, as the tool numbers them; empty: the only one.
        note: is told what is left out.

    Raises:
        DataError: several people in a frame, a person who is not in the file, or parameters in another
            frame of reference only.
    """
    values = dict(content)
    if "bodyPose" in values or "codecVersion" in values:
        return _smplcodec(values, where)
    if isinstance(values.get("people"), dict):  # PromptHMR
        values = values["people"]
    elif isinstance(values.get("results"), dict):  # ROMP, BEV
        return _romp(values["results"], where, track)
    inner = {key: value for key, value in values.items() if isinstance(value, dict)}
    framed = set(inner) & {*IN_CAMERA, *IN_WORLD}
    if inner and len(inner) == len(values) and not framed:
        if all("time" in value and "smpl" in value for value in inner.values()):
            return _tracked(list(inner.values()), where, track, note)
        if not any(re.search(_POSED, str(key)) for person in inner.values() for key in person):
            raise DataError(f"{where} has {len(inner)} entries ({_names(inner)}) without poses", _PAGE)
        people = {key: _of_camera(person, where) for key, person in inner.items()}
        return _joined(people, where, track)
    if track:
        raise DataError(
            f"{where} names no people, of which '{track}' could be one",
            "leave out --track, or the method's `track`",
        )
    if "smpl_params_incam" in values or "smpl_params_global" in values:  # GVHMR: every frame of a video
        values = _of_camera(values, where)
        values.setdefault("frame", np.arange(len(as_array(values["global_orient"], where))))
        return values | {"model": "SMPL-X"}
    values = _of_camera(values, where)
    for key in NESTED:
        if isinstance(values.get(key), dict):
            values = {k: v for k, v in values.items() if k != key} | values[key]
    return values


def _of_camera(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A mapping whose parameters in the camera's frame are moved to its top level."""
    key = next((key for key in IN_CAMERA if isinstance(values.get(key), dict)), None)
    world = next((key for key in IN_WORLD if isinstance(values.get(key), dict)), None)
    if key is None and world is not None:
        raise DataError(
            f"{where} has parameters in a room's frame only ('{world}'), expected one of "
            f"{', '.join(IN_CAMERA)}",
            "labels are in the camera's frame: save the tool's parameters in that frame too",
        )
    if key is None:
        return dict(values)
    if "global_orient" not in values[key] and not {"pose", "rotmat"} & set(values[key]):
        raise DataError(
            f"{where}: '{key}' has {', '.join(sorted(map(str, values[key]))[:12])}, no rotations", _PAGE
        )
    rest = {k: v for k, v in values.items() if k not in (*IN_CAMERA, *IN_WORLD)}
    if "frames" in rest:  # PromptHMR's frame numbers
        rest["frame"] = rest.pop("frames")
    model = {"model": "SMPL-X"} if key.startswith("smplx") else {}
    return rest | dict(values[key]) | model


def _joined(people: Mapping[Any, dict[str, Any]], where: str, track: str) -> dict[str, Any]:
    """The rows of several people in one mapping, under the keys that all of them have."""
    if track:
        chosen = {key: person for key, person in people.items() if str(key) == track}
        if not chosen:
            raise DataError(f"{where} has no person '{track}', only {_names(people)}")
        people = chosen
    _require_one_a_frame(people, where)
    shared = set.intersection(*(set(person) for person in people.values()))
    used = [key for key in shared if all(person[key] is not None for person in people.values())]
    parts = {
        key: [as_array(person[key], f"{where}: {key}") for person in people.values()]
        for key in used
        if key != "model"
    }
    try:
        joined = {key: np.concatenate(part) for key, part in parts.items() if part[0].ndim}
    except ValueError as error:
        raise DataError(f"{where}: entries of its {len(people)} people do not join: {error}") from error
    models = {person["model"] for person in people.values() if "model" in person}
    return joined | ({"model": models.pop()} if models else {})


def _require_one_a_frame(people: Mapping[Any, Mapping[str, Any]], where: str) -> None:
    """Refuse people who are in one frame together."""
    owner: dict[int, Any] = {}
    for name, person in people.items():
        key = next((key for key in NUMBERS if key in person), None)
        if key is None:
            if len(people) > 1:
                raise DataError(
                    f"{where} has {len(people)} people ({_names(people)}) without frame numbers",
                    _choose(people),
                )
            continue
        for frame in frame_numbers(person[key], f"{where}: {key}").tolist():
            if frame in owner:
                raise DataError(
                    f"{where}: frame {frame} has several people ({owner[frame]}, {name})",
                    _choose(people),
                )
            owner[frame] = name


def _tracked(
    frames: list[dict[str, Any]], where: str, track: str, note: Callable[[str], None]
) -> dict[str, Any]:
    """4D-Humans' tracker (PHALP): one mapping for each frame, with a list of people.

    After it has lost a person, the tracker repeats the last body and counts the frames in
    `tracked_time`. Such bodies are no predictions of their frame, and are left out.
    """
    rows, numbers, lost = [], [], 0
    for frame in frames:
        bodies = list(frame["smpl"])
        ids = [str(name) for name in frame.get("tid", range(len(bodies)))]
        since = frame_numbers(frame.get("tracked_time", [0] * len(bodies)), f"{where}: tracked_time")
        if not len(ids) == len(since) == len(bodies):
            raise DataError(
                f"{where}: frame {frame['time']} has several people: {len(bodies)} bodies, "
                f"{len(ids)} tid, {len(since)} tracked_time",
                "keep the labelled person of every frame",
            )
        wanted = [n for n, name in enumerate(ids) if not track or name == track]
        present = [n for n in wanted if since[n] == 0]
        lost += len(wanted) - len(present)
        if len(present) > 1:
            names = {ids[n]: None for n in present}
            raise DataError(
                f"{where}: frame {frame['time']} has several people ({_names(names)})", _choose(names)
            )
        rows += [bodies[n] for n in present]
        numbers += [frame["time"] for _ in present]
    if lost:
        note(f"{where}: {lost} bodies left out: the tracker had lost the person (tracked_time > 0)")
    if not rows:
        who = f"not person {track}" if track else "nobody"
        raise DataError(f"{where}: {who} in any of {len(frames)} frames")
    parts = {}
    for key in ("global_orient", "body_pose", "betas"):
        if not all(isinstance(row, dict) and key in row for row in rows):
            raise DataError(f"{where}: a person has no '{key}'", _PAGE)
        parts[key] = _stacked([as_array(row[key], f"{where}: {key}") for row in rows], f"{where}: {key}")
    return parts | {"frame": frame_numbers(numbers, f"{where}: time")}


def _romp(results: Mapping[str, Any], where: str, track: str) -> dict[str, Any]:
    """ROMP and BEV: `results` of one picture, or picture -> results. Rows of a picture are people."""
    if not all(isinstance(value, dict) for value in results.values()):
        people = len(as_array(results.get("smpl_thetas", []), where))
        if people != 1:
            raise DataError(
                f"{where} is of one picture with {people} people",
                "save the labelled person's row of each array",
            )
        return dict(results)
    pictures = sorted(results, key=str)
    numbers = [re.findall(r"\d+", str(name).rpartition("/")[2]) for name in pictures]
    order = [int(digits[-1]) if digits else -1 for digits in numbers]
    if order != list(range(order[0], order[0] + len(order))) or order[0] not in (0, 1):
        raise DataError(
            f"{where}: pictures from '{pictures[0]}' to '{pictures[-1]}' are not numbered one by one "
            "from 0 or 1: the frame of each is not known",
            "run the tool on the whole video",
        )
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(pictures):
        people = results[name]
        count = len(as_array(people.get("smpl_thetas", []), where))
        ids = [str(one) for one in people.get("track_ids", range(count))]
        wanted = [n for n in range(count) if not track or ids[n] == track]
        if len(wanted) > 1:
            raise DataError(
                f"{where}: picture {name} has several people ({', '.join(ids)})",
                "choose one by its track: --track, or the column `track` of the table of methods; ROMP "
                "and BEV number people with --show_tracking",
            )
        rows += [
            {key: as_array(people[key], where)[n] for key in ("smpl_thetas", "smpl_betas")}
            | {"frame": number}
            for n in wanted
        ]
    if not rows:
        raise DataError(f"{where}: nobody in any of {len(pictures)} pictures")
    return {key: _stacked([row[key] for row in rows], f"{where}: {key}") for key in rows[0]}


def _smplcodec(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A `.smpl` file: one shape, and the poses of frames 0, 1, ... of a body in a room's frame."""
    version = int(as_array(values.get("smplVersion", 2), where))
    if version not in SMPL_VERSIONS:
        raise DataError(
            f"{where}: smplVersion is {version}, expected one of "
            f"{', '.join(f'{number} ({name})' for number, name in SMPL_VERSIONS.items())}"
        )
    missing = [key for key in ("bodyPose", "shapeParameters") if key not in values]
    if missing:
        raise DataError(f"{where} lacks {', '.join(missing)}", "export the motion with its shape")
    pose = as_array(values["bodyPose"], f"{where}: bodyPose")
    return {
        "poses": pose.reshape(1, *pose.shape) if pose.ndim == 2 else pose,
        "betas": as_array(values["shapeParameters"], f"{where}: shapeParameters"),
        "frame": np.arange(1 if pose.ndim == 2 else len(pose)),
        "model": SMPL_VERSIONS[version],
    }


def frame_numbers(values: Any, where: str) -> np.ndarray:
    """Frame numbers, (N,) int64.

    Raises:
        DataError: not whole numbers from 0.
    """
    array = as_array(values, where)
    if array.dtype.kind in "bcmM":
        raise DataError(f"{where}: frame numbers are {array.dtype}, expected whole numbers from 0")
    try:
        numbers = array.ravel().astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: frame numbers are no numbers ({error})") from error
    wrong = numbers[~((numbers >= 0) & (numbers < 1e9) & (numbers == np.round(numbers)))]
    if len(wrong):
        raise DataError(f"{where}: frame number {wrong[0]}, expected whole numbers from 0")
    return numbers.astype(np.int64)


def _stacked(rows: list[Any], where: str) -> np.ndarray:
    shapes = {np.shape(row) for row in rows}
    if len(shapes) > 1:
        raise DataError(f"{where} has shapes {sorted(shapes)}, expected one for all rows")
    return np.stack(rows)


def _names(people: Mapping[Any, Any]) -> str:
    return ", ".join(str(name)[:40] for name in list(people)[:12])


def _choose(people: Mapping[Any, Any]) -> str:
    first = str(next(iter(people)))[:40]
    return (
        f"choose the labelled person: jointreg evaluate --track {first}, or {first} in the column "
        "`track` of the table of methods; or save its entry alone"
    )
