"""The table of methods, which names the source of each method's results."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jointreg.config.settings import RunNetwork
from jointreg.config.tsv import require_name, rows
from jointreg.errors import ConfigError, default_cure

NETWORKS: dict[str, tuple[str, bool]] = {
    "spin": ("spin", False),
    "vibe": ("vibe", False),
    "meva": ("meva", False),
    "vibe_sequence": ("vibe", True),
    "meva_sequence": ("meva", True),
}
"""Kind of a method -> its network, and whether it reads whole recordings; in the paper single frames."""


def network_of(kind: str) -> str:
    """spin, vibe or meva; empty for a kind of method that is no network."""
    return NETWORKS[kind][0] if kind in NETWORKS else ""


def crop_of(kind: str, settings: RunNetwork) -> str:
    """Rule by which the input of a network is cut; empty for a kind of method that is no network."""
    return str(getattr(settings.crops, network_of(kind))) if kind in NETWORKS else ""


KINDS = {
    "predictions": "bodies from prediction files",
    "joints": "joints from prediction files; no regressor applies to them",
    "vertices": "meshes from prediction files, from which regressors read the joints",
    "keypoints": "bodies fitted to the labels",
} | {kind: f"bodies of {network.upper()}, run here" for kind, (network, _) in NETWORKS.items()}
"""Kind of a method -> the source of its results, in words."""

FROM_FILES = ("predictions", "vertices", "joints")
WITHOUT_BODIES = ("vertices", "joints")
"""Kinds whose files give no parameters of a body, so that nothing can be refined or posed anew."""

MODELS = ("SMPL", "SMPL-H", "SMPL-X")
"""Models of a body whose betas are known."""
RUN = "run"
"""Name of the run's own body in the column `body`."""
BODIES = (*MODELS, RUN)
"""What the column `body` may name."""

OPTIONAL = ("body", "track", "map", "map_mesh")
"""Columns that a table may lack."""


@dataclass(frozen=True)
class Method:
    """One pose estimator of `config/methods.tsv`."""

    name: str
    kind: str
    """One of `KINDS`."""
    label: str
    """Its name in tables and figures."""
    paper: str
    """Row of the paper's Table I that it is compared with; empty for none."""
    files: str
    """Its prediction files under estimate.predictions, with the placeholders {subject}, {action}, {take}
    and {camera}; empty: `<name>/{subject}/{action}.npz`."""
    rows: str
    """Files under estimate.predictions that name the picture of each row, with the same placeholders;
    empty for none."""
    six: str
    """Convention of 6D rotations, interleaved or stacked; empty if the files show it."""
    about: str
    body: str = ""
    """Model that the betas of its files belong to, one of `BODIES`; empty: the one that a file shows."""
    track: str = ""
    """Person to read where its files have several, as the tool numbers them."""
    map: str = ""
    """File of the matrix that gives the vertices of the run's body from those of the method's meshes, as
    BEDLAM's smplx2smpl; empty: the meshes are those of the run's body."""
    map_mesh: str = ""
    """Mesh whose faces the map is numbered by, as MHR's; empty where the map is a matrix."""

    @property
    def map_files(self) -> tuple[str, str]:
        """The map, and the mesh that it is numbered by; empty where the table names none."""
        return self.map, self.map_mesh

    def reading(self) -> dict[str, str]:
        """The columns that rule `estimate` depends on: a change of the others changes no number."""
        optional = {key: getattr(self, key) for key in OPTIONAL if getattr(self, key)}
        return {key: getattr(self, key) for key in ("kind", "files", "rows", "six")} | optional


@default_cure("correct that row of the table")
def load_methods(*tables: str | Path, required: Iterable[str] = ()) -> dict[str, Method]:
    """Read tables of methods, by name.

    Raises:
        ConfigError: a file or a column is missing, a kind is unknown, a name stands twice, or a required
            method is in no table.
    """
    methods: dict[str, Method] = {}
    places: dict[str, str] = {}
    fields = tuple(Method.__dataclass_fields__)
    columns = tuple(name for name in fields if name not in OPTIONAL)
    for where, row in (row for table in tables for row in rows(table, columns, OPTIONAL)):
        require_name(row["name"], where)
        if row["name"] in methods:
            first = places[row["name"]]
            raise ConfigError(f"{where}: method {row['name']} stands twice, first in {first}")
        places[row["name"]] = where
        if row["kind"] not in KINDS:
            raise ConfigError(f"{where}: kind is '{row['kind']}', expected one of {', '.join(KINDS)}")
        if row["six"] not in ("", "interleaved", "stacked"):
            raise ConfigError(
                f"{where}: six is '{row['six']}', expected interleaved, stacked or nothing"
            )
        if row["body"] not in ("", *BODIES):
            raise ConfigError(
                f"{where}: body is '{row['body']}', expected one of {', '.join(BODIES)}, or nothing"
            )
        if row["kind"] in FROM_FILES:
            row["files"] = row["files"] or f"{row['name']}/{{subject}}/{{action}}.npz"
            _fill(row["files"], where, "files")
            _fill(row["rows"], where, "rows")
        elif row["body"] or row["track"]:
            raise ConfigError(
                f"{where}: body and track are for methods that come from files, kind is '{row['kind']}'"
            )
        if row["map"] and row["kind"] != "vertices":
            raise ConfigError(f"{where}: map is for methods of the kind vertices, not '{row['kind']}'")
        if row["map_mesh"] and not row["map"]:
            raise ConfigError(f"{where}: map_mesh is the mesh of a map, but map is empty")
        methods[row["name"]] = Method(**{key: row[key] for key in fields})
    unknown = sorted(set(required) - set(methods))
    if unknown:
        raise ConfigError(
            f"{', '.join(map(str, tables))}: no row for {', '.join(unknown)}, known are "
            f"{', '.join(sorted(methods))}",
            "write the row into a table of your own, and name the file in own_methods (docs/methods.md)",
        )
    return methods


def require_bodies(methods: Mapping[str, Method], initial: str) -> None:
    """Refuse an initial method without bodies: there would be nothing to refine.

    Raises:
        ConfigError: its kind is one of `WITHOUT_BODIES`.
    """
    if methods[initial].kind in WITHOUT_BODIES:
        raise ConfigError(
            f"initial is '{initial}', whose kind is {methods[initial].kind}: it has no bodies to refine",
            "choose a method with bodies, or kind: keypoints",
        )


def prediction_paths(
    folder: str | Path, pattern: str, sequence: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Files of one method and sequence -> take and camera of their rows, where the path contains them.

    Args:
        folder: `estimate.predictions`.
        pattern: column `files` or `rows`.
        sequence: subject, action, and units: pairs of take and camera.
    """
    paths = {}
    for take, camera in sequence["units"]:
        values = {"subject": sequence["subject"], "action": sequence["action"]}
        values |= {"take": take, "camera": camera}
        from_path = {key: values[key] for key in ("take", "camera") if f"{{{key}}}" in pattern}
        paths[str(Path(folder, _fill(pattern, "files", pattern, values)))] = from_path
    return paths


_PLACES = {"subject": "S9", "action": "Walking", "take": "1", "camera": "60457274"}
_PLACE = re.compile("{(" + "|".join(_PLACES) + ")}")


def _fill(pattern: str, where: str, column: str, values: Mapping[str, str] = _PLACES) -> str:
    """The pattern with its placeholders replaced; a width or attribute in one is refused."""
    if pattern != pattern.strip() or not pattern.isprintable():
        raise ConfigError(
            f"{where}: {column} is {pattern[:200]!r}, expected a file, without blanks at its ends"
        )
    if re.search(r"[{}]", _PLACE.sub("", pattern)):
        raise ConfigError(
            f"{where}: {column} is '{pattern:.200}', whose placeholders may be "
            f"{', '.join(f'{{{name}}}' for name in _PLACES)}",
            "write each as it stands there, without a format",
        )
    return _PLACE.sub(lambda place: values[place[1]], pattern)
