"""The report of one run: one HTML file, read offline. Its look and its script are in assets/."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from jointreg import provenance
from jointreg.report import answer
from jointreg.report.costs import Cost, read_costs
from jointreg.report.html import download, facts, picture, prose, read_csv, sortable_table, wide

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("raster.js", "body_viewer.js", "page.js")
SECTIONS = {
    "table-1": "Table I",
    "limits": "What MPJPE cannot tell",
    "body": "The body",
    "pictures": "Pictures",
    "tables": "Tables",
    "protocol": "Protocol",
    "provenance": "Provenance",
    "regressors": "Regressor files",
}
"""Parts of the page by the ids of assets/page.html."""
TABLES = (".csv", ".txt")
DOWNLOADS = {
    "J_regressor_h36m.npy": "NumPy, (17, vertices) float64",
    "J_regressor_h36m.npz": "SciPy, sparse",
}
"""Files of rule `export` that the report carries, with their sidecars."""


@dataclass(frozen=True)
class Contents:
    """What the report shows."""

    run: str
    exhibits: Sequence[Mapping[str, Any]]
    """Tables and pictures with captions, see `report.exhibits.exhibits`."""
    table_1: str
    """CSV of Table I; its printed form stands beside it, `printed_form`."""
    diagnosis: str
    """CSV of the comparison with the truth; empty where there is none."""
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


def page(contents: Contents) -> str:
    """The whole HTML page.

    Raises:
        DataError, FileNotFoundError: a table or picture is not there.
    """
    table_1 = _rows(contents.table_1)
    diagnosis = _rows(contents.diagnosis) if contents.diagnosis else []
    return Template((ASSETS / "page.html").read_text()).substitute(
        title=escape(f"Which joint regressor? Run {contents.run}"),
        run=escape(contents.run),
        style=(ASSETS / "page.css").read_text(),
        nav="".join(f'<a href="#{name}">{title}</a>' for name, title in SECTIONS.items()),
        lead=answer.lead(table_1, diagnosis),
        table_1=_table_1(contents),
        answer=_answer(table_1, diagnosis),
        viewer=(ASSETS / "body_viewer.html").read_text(),
        pictures=_pictures(
            [one for one in contents.exhibits if not _is_table(one) and not _early(one)],
            contents.protocol,
        ),
        tables=_tables([one for one in contents.exhibits if _is_table(one)], contents.protocol),
        protocol=_protocol(contents),
        provenance=_provenance(contents),
        downloads=_downloads(contents.files),
        body_data=json.dumps(contents.body, separators=(",", ":")).replace("<", "\\u003c"),
        script="\n".join(f"{{\n{(ASSETS / name).read_text()}}}" for name in SCRIPTS),
    )


def _rows(path: str) -> list[dict[str, str]]:
    columns, rows = read_csv(path)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_table(exhibit: Mapping[str, Any]) -> bool:
    return Path(exhibit["path"]).suffix in TABLES


def _early(exhibit: Mapping[str, Any]) -> bool:
    """What stands in the section of Table I: its printed form, its pictures, the paired changes."""
    return exhibit["kind"].startswith("table_1") or exhibit["kind"] == "changes"


def printed_form(table: str | Path) -> str:
    """The table for reading beside a CSV file, HTML; empty where there is none."""
    path = Path(table).with_suffix(".html")
    return path.read_text() if path.is_file() else ""


def _table_1(contents: Contents) -> str:
    """Table I and the paired changes in print, and their pictures."""
    early = [one for one in contents.exhibits if _early(one)]
    tables = [
        wide(printed, one["title"])
        for one in early
        if _is_table(one) and (printed := printed_form(one["path"]))
    ]
    plots = _pictures([one for one in early if not _is_table(one)], contents.protocol)
    return "\n".join([*tables, plots])


def _in_short(protocol: str) -> str:
    """The first sentence of the protocol and where the others are, reStructuredText."""
    return f"{protocol.partition('. ')[0].rstrip('.')}. `In full <#protocol>`__."


def _answer(table_1: list[dict[str, str]], diagnosis: list[dict[str, str]]) -> str:
    """The yardsticks side by side, and how to read them."""
    table = answer.answer_table(table_1, diagnosis)
    if not diagnosis:
        return table + (
            "<p>A refitted regressor may be nearer to the joints, or have absorbed what the estimator "
            "gets wrong: both lower MPJPE. Only bodies of known truth, or estimators that share less of "
            "that bias, tell the two apart; this data set has no true bodies. The open data set has.</p>"
        )
    return table + (
        "<p>A refitted regressor may be nearer to the joints, or have absorbed what the estimator gets "
        "wrong: both lower MPJPE. On true bodies there is no estimator whose error it could absorb, so "
        "that the lower two rows judge the regressor alone. No stage of the fit or of the evaluation "
        "reads the truth; all that is compared with it stands in the table “diagnostics”.</p>"
    )


def _pictures(exhibits: Sequence[Mapping[str, Any]], protocol: str) -> str:
    """Pictures in order; neighbours of one kind share a caption."""
    figures = []
    for _, group in groupby(exhibits, key=lambda one: (one["kind"], one["caption"])):
        shown = list(group)
        images = [
            f"<div>{wide(picture(one['path'], alt=_alt(one)), one['title'])}</div>" for one in shown
        ]
        album = f'<div class="album">{"".join(images)}</div>' if len(images) > 1 else images[0]
        title = _sentence(shown[0]["title"] if len(shown) == 1 else shown[0]["category"])
        words = _caption(shown[0], protocol)
        figures.append(
            f'<figure class="picture" id="{escape(shown[0]["kind"])}">{album}'
            f"<figcaption><h3>{escape(title)}</h3>{words}</figcaption></figure>"
        )
    return "\n".join(figures)


def _caption(exhibit: Mapping[str, Any], protocol: str) -> str:
    """An exhibit's caption, the protocol in it cut short: the page has it in full once."""
    return prose(exhibit["caption"].replace(protocol, _in_short(protocol)))


def _alt(exhibit: Mapping[str, Any]) -> str:
    return f"{exhibit['kind'].replace('_', ' ')}: {exhibit['title']}"


def _tables(exhibits: Sequence[Mapping[str, Any]], protocol: str) -> str:
    """Every table, to be unfolded; as text where it is text."""
    parts = []
    for one in exhibits:
        path = Path(one["path"])
        words, printed = f'<div class="caption">{_caption(one, protocol)}</div>', ""
        if path.suffix == ".csv":
            columns, rows = read_csv(path)
            table, size = sortable_table(columns, rows, one["title"]), f"{len(rows)} rows"
            printed = printed_form(path)
            if printed and not _early(one):
                table = f'<details open class="data"><summary>As data</summary>{words}{table}</details>'
                words = wide(printed, f"{one['title']}, printed")
        else:
            text = path.read_text()
            table, size = f"<pre>{escape(text)}</pre>", f"{len(text.splitlines())} lines"
        data = ' class="data"' if printed and _early(one) else ""
        name = escape(_sentence(one["title"]))
        parts.append(
            f'<details open id="table-{escape(path.stem)}"{data}><summary>{name} '
            f"<small>{size}</small></summary>{words}{table}"
            f"<p>{download(path, path.name)}</p></details>"
        )
    return "\n".join(parts)


def _protocol(contents: Contents) -> str:
    """The protocol in words, and who was used for what."""
    parts = {}
    for split, what in (("train", "Regressors are fitted on"), ("test", "Errors are means over")):
        rows = [row for row in contents.sequences if row["split"] == split]
        who, does = (", ".join(dict.fromkeys(row[key] for row in rows)) for key in ("subject", "action"))
        parts[what] = escape(f"{who}; {does} ({len(rows)} sequences)")
    return f"<p>{escape(contents.protocol)}</p>{facts(parts)}"


def _provenance(contents: Contents) -> str:
    """Commit, versions, seed, configuration, and what every rule took."""
    import yaml

    costs = read_costs(contents.logs)
    commits = sorted({commit for cost in costs.values() for commit in cost.commits})
    known = {
        "Commit of this report": f"<code>{escape(provenance.commit())}</code>",
        "Commits of the jobs": " ".join(f"<code>{escape(commit)}</code>" for commit in commits)
        or "unknown",
        "Seed": f"{contents.config['seed']}; each job derives its own from it and from what the job is",
        "Versions": escape(", ".join(f"{name} {v}" for name, v in provenance.versions().items())),
        "Machine of this report": escape(f"{platform.system()} {platform.machine()}"),
    }
    text = yaml.safe_dump(dict(contents.config), sort_keys=False, allow_unicode=True, width=88)
    return (
        f"<p>A + after a commit: the checkout had changes that were not committed.</p>{facts(known)}"
        f"<details open><summary>Time and memory by rule</summary>{_costs(costs)}</details>"
        f"<details open><summary>Configuration</summary><pre>{escape(text)}</pre></details>"
    )


def _costs(costs: Mapping[str, Cost]) -> str:
    """What the jobs took, a row a rule; empty where nothing was measured."""
    columns = ("rule", "jobs", "CPU, s", "wall, s", "longest job, s", "most memory, MB")
    rows = [
        (name, cost.jobs, cost.cpu_s, *measured)
        for name, cost in costs.items()
        for measured in [
            (cost.wall_s, cost.longest_s, cost.memory_mb) if cost.measured else (None, None, None)
        ]
    ]
    total = sum(cost.cpu_s for cost in costs.values())
    jobs = sum(cost.jobs for cost in costs.values())
    table = sortable_table(columns, rows, "Time and memory by rule")
    return (
        f'<div class="caption"><p>{jobs} jobs, {total:.0f} s of CPU. CPU from the logs, the rest from '
        f"Snakemake's benchmark files.</p></div>{table}"
    )


def _downloads(files: Sequence[str]) -> str:
    """Links to the regressors, inside this page, under the names of the regressors."""
    lines = []
    for path in map(Path, files):
        kind = DOWNLOADS.get(path.name)
        sidecar = Path(f"{path}.json")
        if kind is None:
            continue
        name = f"{path.parent.name}{path.suffix}"
        beside = f", {download(sidecar, f'{name}.json')}" if sidecar.is_file() else ""
        lines.append(f"<li>{download(path, name)} {escape(kind)}{beside}</li>")
    return (
        "<p>A regressor belongs to the mesh of its run; the sidecar names the mesh and says how it was "
        "made. Rows: left leg first. Codes that ask for <code>J_regressor_h36m.npy</code> take the same "
        "file under that name; the order with the right leg first, and PyTorch's format, are in "
        f"<code>export/</code> beside this report.</p><ul>{''.join(lines)}</ul>"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
