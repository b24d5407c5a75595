"""Is everything here that jointreg needs: the checks of `jointreg doctor`."""

import importlib.metadata
import platform
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jointreg.errors import DataError, JointregError

DEFAULTS = Path("config/config.yaml")
"""The file that every run's configuration is merged over, as the Snakefile does."""


class Check(NamedTuple):
    """One thing that was looked at."""

    passed: bool | None
    """None for what only some uses need."""
    what: str
    found: str


def examine(body: str, configs: Sequence[str | Path] = ()) -> list[Check]:
    """Look at Python, packages, kernels, the body and, where files are given, a run's data.

    Args:
        body: "open" or the path of a body model.
        configs: configuration files of one run, merged in this order over config/config.yaml.
    """
    checks = [Check(True, "python", platform.python_version()), *_packages()]
    checks += [_try("silhouette kernels", _kernels), _try("body", lambda: _body(body))]
    if configs:
        checks.append(_try("data of the run", lambda: _run(configs)))
    return checks


def report(checks: Sequence[Check]) -> str:
    """The checks as text: one line each, what to do about a failed one below it."""
    words = {True: "ok  ", False: "FAIL", None: "-   "}
    return "\n".join(f"{words[check.passed]}  {check.what:<48}  {check.found}" for check in checks)


def _packages() -> list[Check]:
    """Every requirement of the package. Those of an extra are named with it, and may be missing."""
    checks = []
    try:
        required = importlib.metadata.requires("jointreg") or []
    except importlib.metadata.PackageNotFoundError:
        return [Check(None, "packages", "not looked at: jointreg is on the path, but not installed")]
    for line in required:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        if name is None or (extra and extra[1] == "test"):
            continue
        what = name[0] + (f" (extra: {extra[1]})" if extra else "")
        try:
            checks.append(Check(True, what, importlib.metadata.version(name[0])))
        except importlib.metadata.PackageNotFoundError:
            checks.append(Check(None if extra else False, what, "not installed"))
    return checks


def _try(what: str, look: Callable[[], str]) -> Check:
    """A check that fails with the error's text; one that needs an extra does not fail without it."""
    try:
        return Check(True, what, look())
    except ImportError as error:
        return Check(None, what, f"not looked at: {error}")
    except JointregError as error:
        return Check(False, what, str(error))
    except Exception as error:  # whatever a damaged installation raises
        return Check(False, what, f"{type(error).__name__}: {error}")


def _kernels() -> str:
    """Compile and run: a tetrahedron with a right-angled triangle of 6 px as outline covers 18 px."""
    import torch

    from jointreg.silhouette import Topology, coverage

    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    points = torch.tensor([[[4.0, 4.0], [10.0, 4.0], [4.0, 10.0], [6.0, 6.0]]], dtype=torch.float64)
    area = float(coverage(points, Topology(faces), 16).sum())
    if abs(area - 18) > 1e-6:
        raise DataError(f"a silhouette of 18 px is {area:.6f} px", "reinstall numba and numpy")
    return "compiled, and right"


def _body(name: str) -> str:
    from jointreg.body import load_body

    body = load_body(name)
    return f"{name}: {body.n_vertices} vertices, {body.n_betas} shape directions"


def _run(configs: Sequence[str | Path]) -> str:
    """Validate a run's configuration and tables and look for its raw data."""
    from jointreg.config import load, read_yaml, require_raw_data
    from jointreg.sequences import FROM_FILES, load_methods, load_sequences

    files = [DEFAULTS, *map(Path, configs)]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise DataError(
            f"{', '.join(missing)} not found", "call this in the folder of the checkout, as snakemake"
        )
    config = load(read_yaml(*files), [str(path) for path in files])
    sequences = load_sequences(config.sequences)
    used = {config.initial, *config.methods}
    methods = load_methods(config.methods_table, required=sorted(used))
    require_raw_data(
        config,
        subjects={row.subject for row in sequences},
        predicted={name for name in used if methods[name].kind in FROM_FILES},
    )
    made = "made by the workflow" if config.synthesize.enabled else "on disk"
    return f"{config.run}: {len(sequences)} sequences, raw data {made}"
