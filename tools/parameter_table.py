"""The table of config/README.md, from the settings' types."""

from jointreg.config.settings import Config, Settings


def parameter_table(config: Config) -> str:
    """The table of config/README.md: every key, its value in config.yaml, and what it means."""
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]

    def walk(block: Settings, prefix: str) -> None:
        for name, info in type(block).model_fields.items():
            value = getattr(block, name)
            if isinstance(value, Settings):
                lines.append(f"| **`{prefix}{name}`** | | {(value.__doc__ or '').splitlines()[0]} |")
                walk(value, f"{prefix}{name}.")
            else:
                lines.append(f"| `{prefix}{name}` | `{value}` | {info.description} |")

    walk(config, "")
    return "\n".join(lines) + "\n"
