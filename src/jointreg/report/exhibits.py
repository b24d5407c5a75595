"""The exhibits of the report: files that rules mark with `report(...)`, with captions filled in.

Runs while Snakemake reads the workflow. A changed caption, or a changed number in it, is then a changed
parameter of the rule `report` and of no other rule.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jointreg.report.captions import fill_caption


def exhibits(
    rule: Any, config: Mapping[str, Any], wildcards: Sequence[Mapping[str, str]] = ({},)
) -> list[dict[str, Any]]:
    """Every marked output of one rule, in its order, as plain values.

    Args:
        rule: a rule of Snakemake. Its `output` (files with the flag `report`) and `params` are read.
        config: the run's configuration, which captions may print.
        wildcards: the jobs of a rule with wildcards, one mapping a job.

    Returns:
        path, kind (the caption's file name without its ending), category, title and caption
        (reStructuredText) of each file.

    Raises:
        ConfigError: a caption names a parameter that its rule lacks.
    """
    from snakemake.io import apply_wildcards

    marked = []
    for values in wildcards:
        params = {
            name: value(SimpleNamespace(**values)) if callable(value) else value
            for name, value in rule.params.items()
        }
        for file in rule.output:
            if (mark := file.flags.get("report")) is None:
                continue
            source = Path(mark.caption.get_path_or_uri(secret_free=True))
            labels = {key: apply_wildcards(value, values) for key, value in mark.labels.items()}
            marked.append(
                {
                    "path": str(apply_wildcards(file, values)),
                    "kind": source.stem,
                    "category": mark.category,
                    "title": ", ".join(value for key, value in labels.items() if key != "form"),
                    "caption": fill_caption(source, params, config),
                }
            )
    return marked


def digest(value: Any) -> str:
    """Short identity of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
