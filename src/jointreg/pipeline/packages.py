"""Which packages are installed, and which of them a run needs."""

import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from jointreg.errors import INSTALL, DataError
from jointreg.pipeline.check import Check, attempt

if TYPE_CHECKING:
    from jointreg.config.settings import Config

WORKFLOW = ("torch", "numba", "zarr", "pandas", "matplotlib", "cv2", "snakemake")
"""Modules that every run needs."""
OWN = "an environment of its own, or --sdm conda: envs/README.md"
CHOSEN = {
    "landmarks": ("prepare", "ai_edge_litert", INSTALL.format("lab")),
    "landmarker": ("segment", "ai_edge_litert", INSTALL.format("lab")),
    "detectron2": ("segment", "detectron2", OWN),
    "torchvision": ("segment", "torchvision", f"{INSTALL.format('workflow,paper')}, in {OWN}"),
    "warp": ("optimize", "warp", INSTALL.format("warp")),
    "pytorch3d": ("optimize", "pytorch3d", f"{INSTALL.format('workflow,paper')}, in {OWN}"),
}
"""Choice of the configuration -> the first stage that needs it, its module, and how to install that."""


def packages() -> list[Check]:
    """Every requirement of the package, at the version that is installed.

    A package of an extra is named with the extra and may be missing. Its version counts only where
    the whole extra is installed: the extras of two environments ask for different versions.
    """
    try:
        metadata = importlib.metadata.metadata("jointreg")
    except importlib.metadata.PackageNotFoundError:
        return [Check(None, "packages", "not looked at: jointreg is on the path, but not installed")]
    lines = map(Requirement, metadata.get_all("Requires-Dist") or [])
    required = [line for line in lines if line.name != "jointreg"]  # extras are looked at by themselves
    extras = [name for name in metadata.get_all("Provides-Extra") or [] if name not in ("tests", "docs")]
    checks: list[Check] = []
    for extra in ("", *extras):
        named = [one for one in required if _asked(one, extra)]
        installed = {one.name: _version(one.name) for one in named}
        needed = not extra or None not in installed.values()
        checks += [_package(one, installed[one.name], extra, needed) for one in named]
    return checks


def _asked(requirement: Requirement, extra: str) -> bool:
    """Whether this extra, or the package itself where `extra` is empty, asks for a requirement here."""
    marker = requirement.marker
    if marker is None:
        return not extra
    return marker.evaluate({"extra": extra}) and not (extra and marker.evaluate({"extra": ""}))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package(requirement: Requirement, installed: str | None, extra: str, needed: bool) -> Check:
    """Whether one requirement is met. What is not `needed` does not fail."""
    what = f"{requirement.name} (extra: {extra})" if extra else requirement.name
    versions = requirement.specifier
    cure = f'pip install "{requirement.name}{versions}"'
    if installed is None:
        return Check(False if needed else None, what, f"not installed, expected {versions}", cure)
    if not versions.contains(installed, prereleases=True):
        return Check(False if needed else None, what, f"{installed}, expected {versions}", cure)
    return Check(True, what, installed)


def chosen_packages(config: "Config", slurm: bool = False) -> list[Check]:
    """The modules that a run needs and that are not installed; a GPU, if it asks for one here."""
    choices = config.dataset.source, config.segment.method, config.optimize.backend
    needed = [("prepare", module, INSTALL.format("workflow")) for module in WORKFLOW]
    needed += [CHOSEN[choice] for choice in choices if choice in CHOSEN]
    missing = [one for one in needed if importlib.util.find_spec(one[1]) is None]
    checks = [
        Check(False, f"package {module}", "not installed", get, stage) for stage, module, get in missing
    ]
    if config.device == "cuda" and slurm:
        checks.append(Check(None, "device cuda", "not looked for here: the jobs run on other machines"))
    elif config.device == "cuda" and not any(module == "torch" for _, module, _ in missing):
        checks.append(attempt("device cuda", _gpu, blocks="segment"))
    return checks


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        raise DataError(
            "torch has no GPU here",
            "call this on a node with a GPU, or with --slurm where the jobs go to such nodes; "
            "without any, device: cpu",
        )
    return str(torch.cuda.get_device_name())
