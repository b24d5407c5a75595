"""Commits, time and memory of the jobs of a run, by rule, from its logs."""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

BENCHMARK = ".benchmark.tsv"
"""Ending of Snakemake's benchmark files, which lie beside the logs under the same name."""


@dataclass
class Cost:
    """Time and memory of the jobs of one rule, as far as their files contain them."""

    jobs: int = 0
    measured: int = 0
    """Jobs with a benchmark file."""
    wall_s: float = 0.0
    longest_s: float = 0.0
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    """Largest resident memory of any job."""
    commits: set[str] = field(default_factory=set)


def read_costs(logs: str | Path) -> dict[str, Cost]:
    """Costs by rule of the jobs that ended, the largest CPU time first.

    Args:
        logs: `logs/<run>`: a log is `<rule>.log` or `<rule>/<wildcards>.log`, its benchmark file
            stands beside it.
    """
    logs = Path(logs)
    costs: dict[str, Cost] = {}
    for log in sorted(logs.rglob("*.log")):
        rule = log.relative_to(logs).parts[0].removesuffix(".log")
        text = log.read_text(errors="replace", encoding="utf-8")
        cpu = re.findall(r"^cpu [\d.]+ s start-up, ([\d.]+) s in all$", text, re.MULTILINE)
        if not cpu:
            continue  # still runs, or was killed
        cost = costs.setdefault(rule, Cost())
        cost.jobs += 1
        cost.commits |= set(re.findall(r"^commit ([0-9a-f]{4,40}\+?),", text, re.MULTILINE)[:1])
        cost.cpu_s += float(cpu[-1])
        memory = re.findall(r"^memory (\d+) MB at most$", text, re.MULTILINE)
        cost.memory_mb = max([cost.memory_mb, *map(float, memory[-1:])])
        benchmark = log.with_name(log.name.removesuffix(".log") + BENCHMARK)
        if benchmark.is_file():
            _add(cost, benchmark)
    return dict(sorted(costs.items(), key=lambda item: -item[1].cpu_s))


def _add(cost: Cost, benchmark: Path) -> None:
    """The last row of one benchmark file; Snakemake writes NA for what it could not sample."""
    with benchmark.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if not rows:
        return
    seconds = _number(rows[-1].get("s", ""))
    cost.measured += 1
    cost.wall_s += seconds
    cost.longest_s = max(cost.longest_s, seconds)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
