"""The user's recordings and predictions: the plan stops where one is gone, jobs rerun where one changed.

Snakemake watches input files by their time, and takes an old result for a source file if an input of
its job is missing. So the files of a data set are no inputs. `RawData.require` looks for them while the
workflow is parsed, and their state is a parameter of the rules that read them.
"""

import contextlib
import functools
import hashlib
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jointreg.config.examples import Example
from jointreg.config.methods import FROM_FILES, Method, prediction_paths
from jointreg.config.sequences import Work
from jointreg.config.settings import Config
from jointreg.datasets.calibration import read_calibration
from jointreg.datasets.damaged import read_damaged, units
from jointreg.datasets.trees import Tree, open_tree
from jointreg.errors import ConfigError, JointregError
from jointreg.files.atomic import replace_file
from jointreg.files.input import absence, contents
from jointreg.pipeline.required_files import GET_DATA
from jointreg.provenance import content_digest

LISTED = 12
"""Most missing files that an error lists."""
HEAD = ("what", "path", "size_and_time", "sha256")
"""Columns of the record."""


@dataclass(frozen=True)
class Source:
    """The raw files of one take seen by one camera, or of the predictions for one sequence."""

    what: str
    """`S9 Walking, take 1, camera 60457274`."""
    files: tuple[Path, ...]
    """Files and folders of pictures that it is read from, whether or not they exist."""
    fault: str = ""
    """The reason why the data set has no such take or camera."""
    group: str = ""
    """What it is counted with where much is missing: `recordings of S9`."""

    @property
    def missing(self) -> list[str]:
        """What is wrong with it, one text each: the fault, or the paths that do not exist."""
        return [self.fault] if self.fault else [_gone(path) for path in self.files if not path.exists()]


class RawData:
    """Every raw file that a run is made from. Empty if the workflow makes the data itself.

    Args:
        config: the configuration.
        work: the table of sequences.
        methods: the table of methods.
        examples: the frames that figures show.
        record: file in which the state of every raw file is remembered: contents are read again only
            where size or time differ, and results of files that are gone can be kept.
    """

    def __init__(
        self,
        config: Config,
        work: Sequence[Work],
        methods: Mapping[str, Method],
        examples: Sequence[Example],
        record: str | Path,
    ) -> None:
        self.config = config
        self.work = {(row.subject, row.action): row for row in work}
        self.methods = methods
        self.drawn = {(example.subject, example.action) for example in examples}
        self.record = Path(record)
        self.is_made = config.dataset.source == "synthetic"
        self.rows = _read_record(self.record)
        self.states: dict[Path, tuple[str, str] | None] = {}

    def state(self, subject: str, action: str | None = None) -> str:
        """State of the recordings of a subject, or of one of its sequences, as a short text."""
        rows = [r for r in self.work.values() if r.subject == subject and action in (None, r.action)]
        sources = [source for row in rows for source in self._recordings(row)]
        return self._state([self._calibration, *sources]) if sources else ""

    def state_of_take(self, take: str) -> str:
        """State of all videos of one recording, from which landmarks are taken."""
        return self._state(self._videos(take))

    def state_of_predictions(self, method: str, sequences: Sequence[str]) -> str:
        """State of the prediction files of one method for some sequences, `<subject>/<action>` each."""
        rows = [self.work[subject, action] for subject, action in (one.split("/") for one in sequences)]
        return self._state(source for row in rows for source in self._predictions(method, row))

    def missing(self, sources: Iterable[Source]) -> list[str]:
        """One line for each raw file that is gone, or take or camera that the data set lacks.

        Where these would be over `LISTED`, one line for each group of sources.
        """
        sources = list(sources)
        gone = [source for source in sources if source.missing and not self._is_kept(source)]
        lines = [f"{source.what}: {text}" for source in gone for text in source.missing]
        if len(lines) <= LISTED:
            return lines
        all_of, gone_of = (Counter(source.group for source in some) for some in (sources, gone))
        first = {source.group: source for source in reversed(gone)}
        return [
            f"{count} of {all_of[group]} {group}, first {first[group].what}: {first[group].missing[0]}"
            for group, count in gone_of.items()
        ]

    def require(self) -> None:
        """Stop the plan if a raw file of the run is gone; else remember the state of all.

        Raises:
            ConfigError: lists take, camera and expected path of what is missing, and gives the cure.
        """
        missing = self.missing([*self.recordings(), *self._all_predictions()])
        if missing:
            raise ConfigError(
                f"run '{self.config.run}': raw data not on disk:\n{shortened(missing)}",
                f"{GET_DATA[self.config.dataset.kind]}; or correct the sequence table or "
                "estimate.predictions. Results of files that you deleted after a run stay valid with "
                "raw_files: {missing: keep}",
            )
        self._remember()

    def recordings(self, subject: str | None = None) -> list[Source]:
        """Takes by camera of the whole sequence table, or of one subject, each once."""
        rows = [row for row in self.work.values() if subject in (None, row.subject)]
        sources = [source for row in rows for source in self._recordings(row)]
        if self.config.dataset.source == "landmarks":
            takes = sorted({take for row in rows for take in row.takes})
            sources += [source for take in takes for source in self._videos(take)]
        return list(dict.fromkeys(sources))

    def _all_predictions(self) -> Iterator[Source]:
        """The prediction files that the tables and figures of the run need."""
        for name in dict.fromkeys([self.config.initial, *self.config.methods]):
            for unit, row in self.work.items():
                refined = name == self.config.initial and (row.split == "train" or unit in self.drawn)
                if refined or (row.split == "test" and name in self.config.methods):
                    yield from self._predictions(name, row)

    @functools.cached_property
    def _tree(self) -> Tree:
        return open_tree(self.config.dataset)

    @property
    def _calibration(self) -> Source:
        return Source("calibration", (Path(self.config.dataset.calibration),))

    @functools.cache  # noqa: B019 - there is one for each process
    def _recordings(self, row: Work) -> tuple[Source, ...]:
        """The takes of a sequence, by camera."""
        if self.is_made:
            return ()
        sources, group = [], f"recordings of {row.subject}"
        for take, camera in self._tree.units(row):
            what = f"{row.subject} {row.action}, take {take}, camera {camera}"
            try:
                sources.append(Source(what, tuple(self._tree.files(row, take, camera)), group=group))
            except JointregError as error:
                sources.append(Source(what, (), str(error).splitlines()[0], group))
        return tuple(sources)

    @functools.cache  # noqa: B019
    def _videos(self, take: str) -> tuple[Source, ...]:
        """All videos of one recording: landmarks are taken from every camera of the calibration."""
        row = next(row for row in self.work.values() if take in row.takes)
        cameras = tuple(sorted(read_calibration(self.config.dataset.calibration)))
        return self._recordings(replace(row, takes=(take,), cameras=cameras))

    @functools.cache  # noqa: B019
    def _predictions(self, method: str, row: Work) -> tuple[Source, ...]:
        """The prediction files of one method for one sequence."""
        table = self.methods[method]
        if self.is_made or table.kind not in FROM_FILES:
            return ()
        damaged = read_damaged(self.config.dataset.damaged) if self.config.dataset.damaged else ()
        remaining = units(row, damaged, self.config.dataset.skip_damaged)
        paths = {
            Path(path): None
            for pattern in filter(None, (table.files, table.rows))
            for path in prediction_paths(
                self.config.estimate.predictions, pattern, vars(row) | {"units": remaining}
            )
        }
        group = f"sequences' predictions of {method}"
        what = f"predictions of {method} for {row.subject} {row.action}"
        return (Source(what, tuple(paths), group=group),)

    def _state(self, sources: Iterable[Source]) -> str:
        """One digest of sizes and times, or of contents; it does not depend on the order."""
        sources = tuple(sources)
        if not sources:
            return ""
        by_contents = self.config.raw_files.changed == "contents"
        states: dict[str, str] = {}
        for source in sources:
            for path in source.files:
                if found := self._look(source.what, path):
                    states[str(path)] = found[1 if by_contents else 0]
            if self.config.raw_files.missing == "keep":
                for name, row in self.rows.get(source.what, {}).items():
                    if not Path(name).exists():
                        states[name] = row[1 if by_contents else 0]
        text = "\n".join(f"{path}\t{state}" for path, state in sorted(states.items()))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"raw files: {len(states)}, {'contents' if by_contents else 'sizes and times'} {digest}"

    def _look(self, what: str, path: Path) -> tuple[str, str] | None:
        """Size and time of a raw file, and its sha256 where contents are compared. None if it is gone.

        A plan asks the file system once.
        """
        if path not in self.states:
            size_and_time = _size_and_time(path)
            known = self.rows.get(what, {}).get(str(path), ("", ""))
            sha256 = known[1] if known[0] == size_and_time else ""
            if self.config.raw_files.changed == "contents" and size_and_time and not sha256:
                sha256 = _contents(path)
            self.states[path] = (size_and_time, sha256) if size_and_time else None
        return self.states[path]

    def _is_kept(self, source: Source) -> bool:
        """Whether what is gone of a source was there in an earlier plan, and may be missing.

        The record gives its name: nothing else gives the ending of a video that is gone.
        """
        known = self.rows.get(source.what, {})
        gone = [path for path in known if not Path(path).exists()]
        return self.config.raw_files.missing == "keep" and len(source.missing) <= len(gone)

    def _remember(self) -> None:
        """Write the state of every raw file. A folder that is read-only stays as it is."""
        if self.is_made:
            return
        rows = dict(self.rows)
        for source in (self._calibration, *self.recordings(), *self._all_predictions()):
            known = self.rows.get(source.what, {})
            rows[source.what] = {p: row for p, row in known.items() if not Path(p).exists()}
            if self.config.raw_files.missing == "stop":
                rows[source.what].clear()
            there = ((path, self._look(source.what, path)) for path in source.files)
            rows[source.what] |= {str(path): found for path, found in there if found}
        if rows != self.rows:
            self.rows = rows
            lines = ["\t".join(HEAD)]
            for what, files in sorted(rows.items()):
                lines += ["\t".join((what, path, *row)) for path, row in sorted(files.items())]
            with contextlib.suppress(OSError):
                replace_file(self.record, ("\n".join(lines) + "\n").encode())


def shortened(lines: Sequence[str]) -> str:
    """The first lines of a list, indented, and the number of the others."""
    more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return "\n".join(f"  {line}" for line in [*lines[:LISTED], *more])


def _read_record(path: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """Take and camera -> path -> size and time, sha256. Empty without a record."""
    rows: dict[str, dict[str, tuple[str, str]]] = {}
    if not path.is_file():
        return rows
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split("\t")
        if len(cells) == len(HEAD):
            rows.setdefault(cells[0], {})[cells[1]] = cells[2], cells[3]
    return rows


def _size_and_time(path: Path) -> str:
    """Bytes and time of last change, s; of a folder the number of its files and a digest of theirs.

    Whole seconds, because archives that copy a data set keep no more. Empty if there is nothing.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return f"{status.st_size} {int(status.st_mtime)}"
    with os.scandir(path) as entries:
        files = sorted((entry.name, entry.stat()) for entry in entries)
    lines = "\n".join(f"{name!r} {status.st_size} {int(status.st_mtime)}" for name, status in files)
    return f"{len(files)} {hashlib.sha256(lines.encode()).hexdigest()[:16]}"


def _gone(path: Path) -> str:
    """A path that does not exist, and what its folder has instead if that is not much."""
    if (how := absence(path)) != "does not exist":
        return f"{path} {how}"
    few = path.parent.is_dir() and sum(1 for _ in path.parent.iterdir()) <= LISTED
    return f"{path}; {contents(path.parent)}" if few else str(path)


def _contents(path: Path) -> str:
    print(f"sha256 of {path}, once", file=sys.stderr)
    return content_digest(path)
