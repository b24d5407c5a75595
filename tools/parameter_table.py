"""The table of config/README.md, from the settings' types."""

import json
from typing import Any

from jointreg.config.settings import Config
from jointreg.config.values import Settings, changes_of


def parameter_table(config: Config) -> str:
    """The table of config/README.md: every key, its value in config.yaml, and what it means."""
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]

    def walk(block: Settings, prefix: str) -> None:
        for name, info in type(block).model_fields.items():
            value = getattr(block, name)
            if isinstance(value, Settings) and info.description is None:
                lines.append(f"| **`{prefix}{name}`** | | {(value.__doc__ or '').splitlines()[0]} |")
                walk(value, f"{prefix}{name}.")
            else:
                lines.append(f"| `{prefix}{name}` | `{_as_yaml(value)}` | {info.description} |")

    walk(config, "")
    return "\n".join(lines) + "\n"


def _as_yaml(value: Any) -> str:
    """A value as in the file; of blocks of changes the keys that they give, of variants the names."""
    if isinstance(value, Settings):
        keys = [f"{key}: {_as_yaml(item)}" for key, item in changes_of(value).items()]
        return f"{{{', '.join(keys)}}}"
    if isinstance(value, dict):
        return ", ".join(value)
    if isinstance(value, list):
        return "[" + ", ".join(_as_yaml(item) for item in value) + "]"
    if isinstance(value, str) and value and not value.isdigit():
        return value
    return json.dumps(value)
