"""Where the files of a copy of Human3.6M lie, in both layouts: by names and metadata.xml.

The workflow imports this while it plans, so it loads no library for videos or labels.
"""

import functools
import re
from pathlib import Path

from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.damaged import read_damaged, units
from jointreg.datasets.human36m.metadata import (
    ACTIONS,
    CAMERAS,
    LABELLED,
    LEAVE_OUT,
    OTHER_NAMES,
    read_metadata,
)
from jointreg.errors import ConfigError, DataError
from jointreg.files.input import absence, is_given
from jointreg.geometry.camera import Camera

HOW_TO_GET = (
    "download and unpack Human3.6M (http://vision.imar.ro/human3.6m, registration needed) so that "
    "dataset.root holds S1/Videos and S1/MyPoseFeatures, or set dataset.source: synthetic for the open "
    "data set"
)
_TAKE = re.compile(r"[1-9][0-9]?")
"""A sub-action number: 01 would be the files of 1 a second time."""
FETCH_AGAIN = "run h36m-fetch's process_all.py again for this sequence"


class OfficialTree:
    """The official download under one root. Takes are the sub-action numbers "1" and "2"."""

    def __init__(self, settings: config.Dataset) -> None:
        """Read metadata.xml and the table of damaged recordings.

        `settings.calibration` may be relative to `settings.root`.

        Raises:
            DataError: root or metadata.xml is missing or damaged.
            ConfigError: the table of damaged recordings is missing or malformed.
        """
        self.root = Path(settings.root)
        if not self.root.is_dir():
            raise DataError(f"data folder {self.root} {absence(self.root)}", HOW_TO_GET)
        path = Path(settings.calibration)
        self.metadata = read_metadata(path if path.is_file() else self.root / path)
        self.damaged = read_damaged(settings.damaged) if settings.damaged else ()
        for row in self.damaged:
            known = row.action in ACTIONS and row.camera in ("*", *CAMERAS)
            numbered = re.fullmatch(r"S([1-9]|10|11)", row.subject) and _TAKE.fullmatch(row.take)
            if not known or not numbered:
                raise ConfigError(
                    f"{settings.damaged}: {row.subject} {row.action} take {row.take} camera "
                    f"{row.camera}: expected a subject S1 to S11, an action, a take (1, 2) and a camera "
                    "(or *) of Human3.6M"
                )
        self.skip_damaged = settings.skip_damaged

    def takes(self, subject: str, action: str) -> list[str]:
        """Sub-action numbers for which files exist, sorted."""
        names = self._on_disk(subject, action)
        mapped = {
            str(take): row.get(_subject_number(subject))
            for (number, take), row in self.metadata.mapping.items()
            if number == ACTIONS.get(action)
        }
        takes = [take for take, name in mapped.items() if name in names]
        return sorted(takes) if takes else [str(n) for n in range(1, len(names) + 1)]

    def units(self, sequence: Work) -> list[tuple[str, str]]:
        """Pairs of take and camera that are read, without the damaged ones if those are skipped."""
        return units(sequence, self.damaged, self.skip_damaged)

    def files(self, sequence: Work, take: str, camera: str) -> list[Path]:
        """Files and folders that a take seen by one camera is read from, whether or not they exist.

        Raises:
            DataError: the take has no known name, metadata.xml lacks the camera, or the subject's labels
                are not published and not there.
            ConfigError: the data set cannot have such an action, take or camera.
        """
        self._camera(sequence.subject, camera)
        self._require_known(sequence.action, take, sequence.subject)
        mapped = self._mapped(sequence.subject, sequence.action, take)
        name = mapped or self._file_name(sequence.subject, sequence.action, take)
        world, mono, pixels = self._labels(sequence.subject, name, camera)
        labels = [file for file in (world, mono) if is_given(file)]
        if not labels:
            _require_published(sequence.subject)
        return [
            self._video(sequence.subject, name, camera),
            *(labels or [world]),
            *([pixels] if is_given(pixels) else []),
        ]

    def _video(self, subject: str, name: str, camera: str) -> Path:
        return self.root / subject / "Videos" / f"{name}.{camera}.mp4"

    def _labels(self, subject: str, name: str, camera: str) -> tuple[Path, Path, Path]:
        """Files of a take's labels, whether or not they exist: in the room, in the camera, in pixels."""
        world = self._features(subject, "D3_Positions") / f"{name}.cdf"
        mono = self._features(subject, "D3_Positions_mono") / f"{name}.{camera}.cdf"
        return world, mono, self._features(subject, "D2_Positions") / f"{name}.{camera}.cdf"

    @functools.cache  # noqa: B019 - there are few trees
    def _features(self, subject: str, kind: str) -> Path:
        """Folder of one kind of labels, as unpacked by hand or by h36m-fetch's extract_all.py."""
        folder = self.root / subject
        fetched = folder / f"Poses_{kind}"
        return fetched if fetched.is_dir() or fetched.is_symlink() else folder / "MyPoseFeatures" / kind

    def _camera(self, subject: str, name: str) -> Camera:
        if name not in CAMERAS:
            raise ConfigError(
                f"camera '{name}' of {subject}: Human3.6M's cameras are {', '.join(CAMERAS)}",
                "correct the column cameras of the sequence table",
            )
        camera = self.metadata.cameras.get((_subject_number(subject), CAMERAS.index(name)))
        if camera is None:
            subjects = ", ".join(sorted({f"S{number}" for number, _ in self.metadata.cameras}))
            raise DataError(
                f"metadata.xml has no camera {name} for {subject}; it has cameras of {subjects}"
            )
        return camera

    def _mapped(self, subject: str, action: str, take: str) -> str | None:
        """Name of a take's files by `mapping`; None if it has no entry."""
        row = self.metadata.mapping.get((ACTIONS[action], int(take)), {})
        return row.get(_subject_number(subject))

    def _require_known(self, action: str, take: str, subject: str) -> None:
        """Refuse actions and takes that the data set cannot have."""
        if action not in ACTIONS or action == "_ALL":
            raise ConfigError(
                f"action '{action}': Human3.6M has {', '.join(a for a in ACTIONS if a != '_ALL')}",
                "correct the column action of the sequence table",
            )
        if not _TAKE.fullmatch(take):
            raise ConfigError(
                f"take '{take}' of {subject} {action}: expected a sub-action number, 1 or 2"
            )

    def _file_name(self, subject: str, action: str, take: str) -> str:
        """Name of a take's files, by `mapping`, else by the order of the names that exist."""
        self._require_known(action, take, subject)
        names = self._on_disk(subject, action)
        mapped = self._mapped(subject, action, take)
        if mapped in names:
            return mapped
        if mapped is None and 0 < int(take) <= len(names):
            return names[int(take) - 1]
        raise DataError(
            f"{self.root / subject}: no files for {action} take {take}, expected "
            f"'{mapped or action}' (mapping of metadata.xml); found "
            f"{', '.join(names) or 'none of this action'}",
            HOW_TO_GET,
        )

    def _on_disk(self, subject: str, action: str) -> list[str]:
        """Names of an action's takes that have labels or videos: numbered names, then the bare one.

        This is the order of the mapping table: of `Directions` and `Directions 1` the latter is take 1.
        """
        names = {action, OTHER_NAMES.get(action, action)}
        matches = {stem: re.fullmatch(r"(\w+?)(?: (\d+))?", stem) for stem in self._stems(subject)}
        named = {stem: match for stem, match in matches.items() if match and match[1] in names}
        return sorted(named, key=lambda stem: (named[stem][2] is None, int(named[stem][2] or 0)))

    @functools.cache  # noqa: B019 - a tree lives as long as its job
    def _stems(self, subject: str) -> set[str]:
        """Names of all takes of a subject that have labels or videos."""
        files = [
            *self._features(subject, "D3_Positions").glob("*.cdf"),
            *self._features(subject, "D3_Positions_mono").glob("*.cdf"),
            *(self.root / subject).glob("Videos/*.mp4"),
        ]
        return {re.sub(r"\.\d{8}$", "", file.stem) for file in files}


class FetchTree(OfficialTree):
    """The folder `processed` of h36m-fetch: annotations and pictures of each take."""

    def takes(self, subject: str, action: str) -> list[str]:
        """Sub-action numbers for which folders exist, sorted."""
        return sorted(
            path.parent.name.rsplit("-", 1)[1]
            for name in {action, OTHER_NAMES.get(action, action)}
            for path in (self.root / subject).glob(f"{name}-*/annot.h5")
        )

    def files(self, sequence: Work, take: str, camera: str) -> list[Path]:
        """Files and folders that a take seen by one camera is read from, whether or not they exist.

        Raises:
            DataError: there is no folder of the take, also because the subject's labels are not
                published; or metadata.xml lacks the camera.
            ConfigError: the data set cannot have such an action, take or camera.
        """
        self._camera(sequence.subject, camera)
        folder = self._folder(sequence.subject, sequence.action, take)
        return [folder / "annot.h5", folder / "imageSequence" / camera]

    def _folder(self, subject: str, action: str, take: str) -> Path:
        self._require_known(action, take, subject)
        folders = [
            self.root / subject / f"{name}-{take}" for name in (action, OTHER_NAMES.get(action, action))
        ]
        existing = next((folder for folder in folders if (folder / "annot.h5").is_file()), None)
        if existing is None:
            _require_published(subject)
            names = ", ".join(sorted(path.name for path in (self.root / subject).glob("*-*")))
            raise DataError(
                f"{folders[0] / 'annot.h5'} does not exist; {subject} has {names or 'no take'}",
                FETCH_AGAIN,
            )
        return existing


def _require_published(subject: str) -> None:
    """Refuse a subject without labels on disk, whose labels nobody can get."""
    if subject not in LABELLED:
        raise DataError(
            f"labels of {subject} are not published; Human3.6M has those of {', '.join(LABELLED)}",
            LEAVE_OUT,
        )


def _subject_number(subject: str) -> int:
    if not re.fullmatch(r"S([1-9]|10|11)", subject):
        raise ConfigError(f"subject '{subject}': Human3.6M's subjects are S1 to S11")
    return int(subject[1:])
