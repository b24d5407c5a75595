"""The report of one run: one HTML file, read offline. Its templates, look and scripts are in assets/."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from jointreg import provenance
from jointreg.files.templates import fill_html
from jointreg.report.answer import answer_from
from jointreg.report.captions import prose
from jointreg.report.costs import Cost, read_costs
from jointreg.report.embedded import Download, Picture, download, picture
from jointreg.report.sortable import SortableTable, read_csv, sortable_table
from jointreg.tables.names import regressor_name

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("raster.js", "body_viewer.js", "page.js")
SECTIONS = {
    "table-1": "Table I",
    "limits": "What MPJPE cannot show",
    "body": "The body",
    "pictures": "Pictures",
    "tables": "Tables",
    "protocol": "Protocol",
    "provenance": "Provenance",
    "regressors": "Regressor files",
}
"""Id of each part in assets/page.html -> its title."""
TABLES = (".csv", ".txt")
DOWNLOADS = {
    "J_regressor_h36m.npy": "NumPy, (17, vertices) float64",
    "J_regressor_h36m.npz": "SciPy, sparse",
}
"""Files of rule `export` that the report carries, with their sidecars."""
SPLITS = {"train": "Regressors are fitted on", "test": "Errors are means over"}


@dataclass(frozen=True)
class Contents:
    """The content of the report."""

    run: str
    exhibits: Sequence[Mapping[str, Any]]
    """Tables and pictures with captions, see `report.exhibits.exhibits`."""
    table_1: str
    """CSV of Table I. Its printed form lies beside it (see `printed_form`)."""
    diagnosis: str
    """CSV of the comparison with the truth; empty where there is none."""
    fitted: bool
    """Whether all methods are bodies that were fitted to the labels which score them."""
    body: Mapping[str, Any]
    """From `report.body_viewer.pack`."""
    protocol: str
    """From `evaluation.protocol.protocol_sentence`."""
    sequences: Sequence[Mapping[str, Any]]
    """Rows of the sequence table."""
    config: Mapping[str, Any]
    logs: str
    """Log folder of the run."""
    files: Sequence[str]
    """Exported regressors, `<name>/<file>`."""


@dataclass(frozen=True)
class Album:
    """Pictures under one caption."""

    kind: str
    """Name of the caption file."""
    title: str
    pictures: tuple[tuple[Picture, str], ...]
    """Each with its title."""
    caption: Markup


@dataclass(frozen=True)
class Table:
    """A table that the reader unfolds."""

    stem: str
    """Name of its file without the ending."""
    title: str
    size: str
    """Its length in words."""
    printed: Markup
    """Its printed form as HTML; empty if there is none."""
    early: bool
    """Whether the printed form stands in the section of Table I."""
    data: SortableTable | None
    """Its cells, if it is a CSV file."""
    text: str
    """Its text, if it is a text file."""
    caption: Markup
    file: Download


def page(contents: Contents) -> str:
    """The whole HTML page.

    Raises:
        DataError, FileNotFoundError: a table or picture does not exist.
    """
    diagnosis = _rows(contents.diagnosis) if contents.diagnosis else []
    early = [one for one in contents.exhibits if _is_early(one)]
    late = [one for one in contents.exhibits if not _is_early(one)]
    return fill_html(
        "report/assets/page.html",
        run=contents.run,
        style=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup((ASSETS / name).read_text(encoding="utf-8")) for name in SCRIPTS],
        sections=SECTIONS,
        answer=answer_from(_rows(contents.table_1), diagnosis, fitted=contents.fitted),
        regressor_name=regressor_name,
        printed_tables=[
            (one["title"], form)
            for one in early
            if _is_table(one) and (form := printed_form(one["path"]))
        ],
        early_albums=_albums(early, contents.protocol),
        albums=_albums(late, contents.protocol),
        tables=[_table(one, contents.protocol) for one in contents.exhibits if _is_table(one)],
        protocol=contents.protocol,
        subjects=_subjects(contents.sequences),
        **_provenance(contents),
        regressor_files=_regressor_files(contents.files),
        body_data=contents.body,
        candidates_m=contents.config["fit_regressor"]["candidates_m"],
    )


def _rows(path: str) -> list[dict[str, str]]:
    columns, rows = read_csv(path)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_table(exhibit: Mapping[str, Any]) -> bool:
    return Path(exhibit["path"]).suffix in TABLES


def _is_early(exhibit: Mapping[str, Any]) -> bool:
    """Whether an exhibit is in the section of Table I: the table, its pictures or the paired changes."""
    return exhibit["kind"].startswith("table_1") or exhibit["kind"] == "changes"


def printed_form(table: str | Path) -> Markup:
    """The printed form of a CSV file, which `tables.render` wrote beside it; empty if there is none."""
    path = Path(table).with_suffix(".html")
    return Markup(path.read_text(encoding="utf-8") if path.is_file() else "")


def _albums(exhibits: Sequence[Mapping[str, Any]], protocol: str) -> list[Album]:
    """Pictures in order; neighbours of one kind share a caption."""
    pictures = [one for one in exhibits if not _is_table(one)]
    albums = []
    for (kind, _), group in groupby(pictures, key=lambda one: (one["kind"], one["caption"])):
        members = list(group)
        first = members[0]
        albums.append(
            Album(
                kind=kind,
                title=_sentence(first["title"] if len(members) == 1 else first["category"]),
                pictures=tuple((picture(one["path"], _alt(one)), one["title"]) for one in members),
                caption=_caption(first, protocol),
            )
        )
    return albums


def _table(exhibit: Mapping[str, Any], protocol: str) -> Table:
    path = Path(exhibit["path"])
    data, text = None, ""
    if path.suffix == ".csv":
        columns, rows = read_csv(path)
        data, size = sortable_table(columns, rows), f"{len(rows)} rows"
    else:
        text = path.read_text(encoding="utf-8")
        size = f"{len(text.splitlines())} lines"
    return Table(
        stem=path.stem,
        title=exhibit["title"],
        size=size,
        printed=printed_form(path) if data else Markup(""),
        early=_is_early(exhibit),
        data=data,
        text=text,
        caption=_caption(exhibit, protocol),
        file=download(path, path.name),
    )


def _caption(exhibit: Mapping[str, Any], protocol: str) -> Markup:
    """An exhibit's caption. The protocol in it is cut to a sentence, as the page has it in full once."""
    first = protocol.partition(". ")[0].rstrip(".")
    return prose(exhibit["caption"].replace(protocol, f"{first}. `In full <#protocol>`__."))


def _alt(exhibit: Mapping[str, Any]) -> str:
    return f"{exhibit['kind'].replace('_', ' ')}: {exhibit['title']}"


def _subjects(sequences: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Purpose of each split -> its subjects and actions, in words."""
    lines = {}
    for split, purpose in SPLITS.items():
        rows = [row for row in sequences if row["split"] == split]
        who, does = (", ".join(dict.fromkeys(row[key] for row in rows)) for key in ("subject", "action"))
        lines[purpose] = f"{who}; {does} ({len(rows)} sequences)"
    return lines


def _provenance(contents: Contents) -> dict[str, Any]:
    """Commits, versions, seed, configuration and the costs of every rule."""
    costs = read_costs(contents.logs)
    return {
        "report_commit": provenance.commit(),
        "job_commits": sorted({commit for cost in costs.values() for commit in cost.commits}),
        "seed": contents.config["seed"],
        "versions": ", ".join(f"{name} {v}" for name, v in provenance.versions().items()),
        "machine": f"{platform.system()} {platform.machine()}",
        "job_count": sum(cost.jobs for cost in costs.values()),
        "cpu_s": sum(cost.cpu_s for cost in costs.values()),
        "costs": _costs(costs),
        "config": yaml.safe_dump(dict(contents.config), sort_keys=False, allow_unicode=True, width=88),
    }


def _costs(costs: Mapping[str, Cost]) -> SortableTable:
    """Time and memory of the jobs, a row a rule; empty cells where nothing was measured."""
    columns = ("rule", "jobs", "CPU, s", "wall, s", "longest job, s", "most memory, MB")
    rows = [
        (name, cost.jobs, cost.cpu_s, *measured)
        for name, cost in costs.items()
        for measured in [
            (cost.wall_s, cost.longest_s, cost.memory_mb) if cost.measured else (None, None, None)
        ]
    ]
    return sortable_table(columns, rows)


def _regressor_files(files: Sequence[str]) -> list[tuple[Download, str, Download | None]]:
    """Exported regressors under the names of their folders: file, format, sidecar."""
    links = []
    for path in map(Path, files):
        if path.name not in DOWNLOADS:
            continue
        name, sidecar = f"{path.parent.name}{path.suffix}", Path(f"{path}.json")
        beside = download(sidecar, f"{name}.json") if sidecar.is_file() else None
        links.append((download(path, name), DOWNLOADS[path.name], beside))
    return links


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
