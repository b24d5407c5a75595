"""YAML files as plain values, merged as Snakemake merges them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jointreg.errors import ConfigError, default_cure
from jointreg.files.input import read_file

LARGEST_YAML, MOST_NODES = 10**6, 10**5
"""Bytes of a YAML file and values in it. Ours have 12 kB and some hundred."""


def read_yaml(*paths: str | Path) -> dict[str, Any]:
    """Merge YAML files as Snakemake does: later files win, mappings merge, lists are replaced.

    Raises:
        ConfigError: a file that is missing, no YAML, no mapping, or gives a key twice.
    """

    def merge(into: dict[str, Any], update: Mapping[str, Any]) -> None:
        for key, value in update.items():
            if isinstance(value, Mapping) and isinstance(into.get(key), dict):
                merge(into[key], value)
            else:
                into[key] = value

    merged: dict[str, Any] = {}
    for path in paths:
        merge(merged, read_mapping(path))
    return merged


@default_cure("keys: config/README.md")
def read_mapping(path: str | Path) -> dict[str, Any]:
    """The keys and values of one YAML file; none for a file of comments alone.

    Raises:
        ConfigError: a file that is missing, no YAML, no mapping, or gives a key twice.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses a key that stands twice, of which YAML takes the last one, and endless contents."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = set()
            for key, _ in node.value:
                name = (key.tag, str(key.value)) if isinstance(key, yaml.ScalarNode) else None
                if name in keys:
                    raise yaml.YAMLError(f"key '{key.value:.80}' stands twice\n{key.start_mark}")
                keys.add(name or id(key))
            return super().construct_mapping(node, deep)

        def get_single_node(self) -> Any:
            node = super().get_single_node()
            if _nodes(node, {}) > MOST_NODES:
                raise yaml.YAMLError(f"it has over {MOST_NODES} values, repeated parts written out")
            return node

    raw = read_file(path, "configuration", "check the path", ConfigError, may_be_empty=True)
    try:
        if len(raw) > LARGEST_YAML:
            raise ValueError(f"it has {len(raw)} bytes, expected under {LARGEST_YAML}")
        content = yaml.load(raw.decode("utf-8-sig"), Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        cure = "save it as UTF-8" if isinstance(error, UnicodeDecodeError) else "correct that line"
        cure = "put blanks in place of tabs" if "'\\t'" in str(error) else cure
        raise ConfigError(f"{path} is not YAML: {str(error)[:500]}", cure) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} contains a {type(content).__name__}, expected keys with values")
    return content


def _nodes(node: Any, counts: dict[int, int]) -> int:
    """Values in a node of YAML where each reference (`*name`) counts as a copy of what it names.

    Raises:
        RecursionError: a part that contains itself.
    """
    inner = getattr(node, "value", None)
    if not isinstance(inner, list):
        return 1
    if id(node) not in counts:
        parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
        counts[id(node)] = 1 + sum(_nodes(part, counts) for part in parts)
    return counts[id(node)]
