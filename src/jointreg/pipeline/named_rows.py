"""What prediction files and the table of examples name, compared with the frames of the run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jointreg.config.examples import Example
from jointreg.config.methods import Method, prediction_paths
from jointreg.config.sequences import Work
from jointreg.errors import DataError, JointregError
from jointreg.pipeline.lengths import frames_of, recording_frames

if TYPE_CHECKING:
    from jointreg.config.settings import Config
    from jointreg.datasets.recording import Recording


def look_at_examples(config: "Config", work: Sequence[Work], examples: Sequence[Example]) -> str:
    """Check that every row of the table of examples is a row of its sequence.

    Raises:
        DataError: names the first that lies beyond.
    """
    rows = {(row.subject, row.action): row for row in work}
    for example in examples:
        count = _count(config, rows[example.subject, example.action])
        if count is not None and max(example.frames) >= count:
            raise DataError(
                f"{config.figures.examples}: {example.subject} {example.action}, row "
                f"{max(example.frames)}; the sequence has {count} rows, counted from 0: every "
                f"{config.prepare.frame_step}th frame of all its takes and cameras",
                "correct column frames of the table, or name another table in figures.examples",
            )
    return ", ".join(f"{example.subject} {example.action}" for example in examples)


def look_at_predictions(config: "Config", work: Sequence[Work], method: Method) -> str:
    """Check that every prediction file exists, read one, and find the wanted frames in it.

    Raises:
        DataError: a file is missing, or the first cannot be read or lacks a frame.
    """
    from jointreg.body.files import load_body
    from jointreg.datasets.damaged import read_damaged, units
    from jointreg.predictions import conventions
    from jointreg.predictions.files import read_file
    from jointreg.predictions.shape_space import require_shape_space
    from jointreg.predictions.vertices import vertices

    damaged = read_damaged(config.dataset.damaged) if config.dataset.damaged else ()
    wanted: dict[str, tuple[Work, dict[str, str]]] = {}
    naming: dict[str, None] = {}
    for row in work:
        if row.split == "test" or method.name == config.initial:
            sequence = vars(row) | {"units": units(row, damaged, config.dataset.skip_damaged)}
            for path, names in prediction_paths(
                config.estimate.predictions, method.files, sequence
            ).items():
                wanted.setdefault(path, (row, names))
            if method.rows:
                paths = prediction_paths(config.estimate.predictions, method.rows, sequence)
                naming |= dict.fromkeys(paths)
    missing = [path for path in (*wanted, *naming) if not Path(path).is_file()]
    if missing:
        count = len(wanted | naming)
        raise DataError(f"{len(missing)} of {count} files are missing, first {missing[0]}")
    first, (row, known) = next(iter(wanted.items()))
    values, n_betas = read_file(first, method.track, meshes=method.kind == "vertices"), 10
    if method.kind == "vertices":
        count = len(vertices(values, first))
    elif method.kind == "joints":
        count = len(conventions.joints(values, first))
    else:
        if config.body == "open" or Path(config.body).exists():
            body = load_body(config.body)
            require_shape_space(values, first, body.n_vertices, method.body)
            n_betas = body.n_betas
        count = len(conventions.bodies(values, first, n_betas, method.six)["betas"])
    found = f"{len(wanted | naming)} files; the first is sound, {count} rows"
    return f"{found}, {_named(config, row, known, values, first, next(iter(naming), ''))}"


def _named(
    config: "Config", row: Work, known: dict[str, str], values: dict, path: str, naming: str
) -> str:
    """Find every wanted frame of a sequence in a file, of the take and camera that its path names."""
    from jointreg.predictions.bodies import rows_of
    from jointreg.predictions.rows import IDENTITY, names_of_rows, of_sequence

    try:
        recordings = _recordings(config, row)
    except (JointregError, OSError):
        return "not compared with the recordings, which cannot be read"
    if naming:
        values = {k: v for k, v in values.items() if k not in IDENTITY} | names_of_rows(naming)
    which = {"subject": row.subject, "action": row.action}
    files = {one.take: one.file for one in recordings if one.file}
    wanted = [
        frame
        for one in recordings
        if known.items() <= {"take": one.take, "camera": one.camera.name}.items()
        for frame in _frames(config, one)
    ]
    rows_of(of_sequence(values, which, files, known, path), wanted, path)
    return f"all {len(wanted)} wanted frames of {row.subject} {row.action}"


def _recordings(config: "Config", row: Work) -> "list[Recording]":
    from jointreg.datasets.readers import open_dataset

    return open_dataset(config.dataset).recordings(row)


def _frames(config: "Config", recording: "Recording") -> list[tuple[str, str, int]]:
    """Take, camera and number of the frames of a recording that `prepare` will keep."""
    from jointreg.frames.prepare import wanted_frames

    numbers = wanted_frames(recording, config.prepare.frame_step)
    return [(recording.take, recording.camera.name, int(number)) for number in numbers]


def _count(config: "Config", row: Work) -> int | None:
    """Rows of a sequence; None where its labels cannot be read, or not yet."""
    if config.dataset.source == "synthetic":
        return frames_of(row, config.prepare.frame_step, recording_frames(config, [row]), 0)
    if config.dataset.source == "landmarks":
        return None
    try:
        return sum(len(_frames(config, one)) for one in _recordings(config, row))
    except (JointregError, OSError):
        return None
