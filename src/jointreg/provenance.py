"""Where a result comes from: seeds, and the record written into every store."""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


def file_digest(path: str | Path) -> str:
    """Start of the sha256 of a file of the repository, for `params`: its time stamp means nothing."""
    path = Path(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else "missing"


def content_digest(path: Path) -> str:
    """sha256 of a file, read in parts; of a folder, that of the names and digests of its files."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        lines = [f"{file.relative_to(path).as_posix()} {content_digest(file)}\n" for file in files]
        return hashlib.sha256(os.fsencode("".join(lines))).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_index(path: str | Path, folders: Iterable[Path]) -> None:
    """List every file below `folders` with its sha256: one small file that stands for many."""
    path = Path(path)
    files = sorted(
        file for folder in folders for file in folder.rglob("*") if file.is_file() and file != path
    )
    digests = {
        os.path.relpath(file, path.parent): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


def seed_for(seed: int, *identity: str) -> int:
    """Seed of one job from what it is, never from when it runs: rule name and wildcards."""
    text = "/".join([str(seed), *identity])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def record(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The origin of a result: settings, seed, commit and versions, but no time and no path."""
    return {
        "settings": dict(settings),
        "seed": seed,
        "commit": commit(),
        "versions": versions(),
    }


def commit() -> str:
    """Short hash of the checked-out commit, with + for uncommitted changes; `unknown` without git."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=PACKAGE,
            capture_output=True,
            encoding="utf-8",
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide the numbers."""
    installed = {"python": platform.python_version()}
    for package in (
        *("jointreg", "numpy", "scipy", "numba", "torch", "zarr"),
        *("torchvision", "detectron2"),
    ):
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            installed[package] = "not installed"
    return installed
