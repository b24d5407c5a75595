"""Where the files of calibrated videos lie: by names and the calibration.

The workflow imports this while it plans, so it loads no library for videos.
"""

from collections.abc import Iterable
from pathlib import Path

from jointreg import config
from jointreg.config.joint_sets import joint_set
from jointreg.config.sequences import Work
from jointreg.datasets.calibration import read_calibration
from jointreg.errors import ConfigError, DataError
from jointreg.files.input import absence, contents, is_given

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv")
"""Endings of the video files, in small or capital letters."""


class MultiviewTree:
    """One folder for each recording, under one root.

    Raises:
        DataError: the folder or the calibration is missing or damaged.
    """

    def __init__(self, settings: config.Dataset) -> None:
        self.root = Path(settings.root)
        if not self.root.is_dir():
            raise DataError(
                f"dataset.root {self.root} {absence(self.root)}", "get the data, or correct dataset.root"
            )
        self.file = Path(settings.calibration)
        self.calibration = read_calibration(self.file)
        self.labels_are_made = settings.source == "landmarks"
        self.joint_set = joint_set(settings.joints)

    def takes(self, subject: str, action: str) -> list[str]:
        """Names of the recordings that exist, whatever the subject and action."""
        return sorted(
            folder.name
            for folder in self.root.iterdir()
            if folder.is_dir() and any(file.suffix.lower() in SUFFIXES for file in folder.iterdir())
        )

    def units(self, sequence: Work) -> list[tuple[str, str]]:
        """Pairs of take and camera that are read."""
        return [(take, camera) for take in sequence.takes for camera in sequence.cameras]

    def files(self, sequence: Work, take: str, camera: str) -> list[Path]:
        """Video of a take seen by one camera, and the user's labels, whether or not they exist.

        Raises:
            DataError: there is no folder of the take, or the calibration lacks the camera.
            ConfigError: the take is no plain folder name.
        """
        labels = [] if self.labels_are_made else [self.labels(take)]
        return [self._video(take, camera), *labels]

    def labels(self, take: str) -> Path:
        """The labels of one recording.

        Raises:
            DataError: there is no folder of the recording.
            ConfigError: its name is no plain folder name.
        """
        return self._folder(take) / "labels.npz"

    def videos_of(self, take: str, cameras: Iterable[str] | None = None) -> dict[str, Path]:
        """Camera name -> video file of one recording; all cameras of the calibration by default.

        Raises:
            DataError: the recording or a video does not exist, or the calibration lacks a camera.
        """
        videos = {}
        for name in sorted(self.calibration) if cameras is None else cameras:
            video = self._video(take, name)
            if not video.is_file():
                raise DataError(
                    f"recording {video.parent} has no video of camera '{name}', expected {video.name} "
                    f"(or {', '.join(SUFFIXES[1:])}); {contents(video.parent)}",
                    "get or rename the video, or leave the camera out of the sequence table",
                )
            videos[name] = video
        return videos

    def _video(self, take: str, camera: str) -> Path:
        """The video of one camera; if there is none, the first name that it may have."""
        if camera not in self.calibration:
            raise DataError(
                f"camera '{camera}' is not in the calibration {self.file}, which has "
                f"{', '.join(sorted(self.calibration))}",
                "correct column cameras of the sequence table, or dataset.calibration",
            )
        folder = self._folder(take)
        endings = [ending for suffix in SUFFIXES for ending in (suffix, suffix.upper())]
        files = [folder / f"{camera}{ending}" for ending in endings]
        return next((file for file in files if is_given(file)), files[0])

    def _folder(self, take: str) -> Path:
        if Path(take).name != take or take in ("", ".", ".."):
            raise ConfigError(f"take '{take}' is no plain folder name", "correct the sequence table")
        folder = self.root / take
        if not folder.is_dir():
            raise DataError(
                f"recording {folder} {absence(folder)}; {self.root} has {', '.join(self.takes('', ''))}",
                "correct column takes of the sequence table, or get the recording",
            )
        return folder
