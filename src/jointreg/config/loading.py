"""From YAML files to checked settings; every fault is listed with its key."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from jointreg.config.settings import Config, Optimize, Settings
from jointreg.config.weights import GET_WEIGHTS, MASK_RCNN
from jointreg.errors import ConfigError
from jointreg.skeleton import H36M_17


def load(values: Mapping[str, Any], files: list[str] | None = None) -> Config:
    """Validate the merged configuration.

    Args:
        values: the mapping that Snakemake merged from its config files and `--config`.
        files: the files it came from, named in errors.

    Raises:
        ConfigError: a key is unknown, missing or has a wrong value; all faults are listed.
    """
    where = ", ".join(files or []) or "configuration"
    try:
        config = Config.model_validate(dict(values))
    except ValidationError as error:
        lines = [_explain(fault) for fault in error.errors()]
        raise ConfigError(f"{where}:\n" + "\n".join(lines), "keys: config/README.md") from None
    if config.synthesize.enabled and config.body != "open":
        raise ConfigError(
            f"{where}: body is '{config.body}', but the open data set is made with the open body",
            "set body: open, or use a data set of your own",
        )
    method = config.segment.method
    if method in MASK_RCNN and not (config.segment.weights and config.segment.sha256):
        raise ConfigError(
            f"{where}: segment.method '{method}' needs segment.weights and segment.sha256",
            GET_WEIGHTS[method],
        )
    if config.evaluate.root not in H36M_17:
        raise ConfigError(
            f"{where}: evaluate.root is '{config.evaluate.root}', expected one of {', '.join(H36M_17)}"
        )
    for variant in config.variants:
        optimize_settings(config, variant, where)
    if "full" not in config.variants:
        raise ConfigError(f"{where}: variants lacks 'full', the regressor that Table I calls opt")
    return config


def optimize_settings(config: Config, variant: str, where: str = "configuration") -> Optimize:
    """Settings of `optimize` for one variant: the block with the variant's changes.

    Raises:
        ConfigError: the variant is not defined, or its settings contradict each other.
    """
    if variant not in config.variant_settings:
        raise ConfigError(
            f"{where}: variants: '{variant}' is not defined, known are {sorted(config.variant_settings)}"
        )
    try:
        found = Optimize.model_validate(config.optimize.model_dump() | config.variant_settings[variant])
    except ValidationError as error:
        lines = [_explain(fault, ("variant_settings", variant)) for fault in error.errors()]
        raise ConfigError(f"{where}:\n" + "\n".join(lines)) from None
    here = f"{where}: variant '{variant}'"
    if found.multiview and found.camera == "weak_perspective":
        raise ConfigError(f"{here}: multiview needs calibrated cameras", "set camera: calibrated")
    if config.device == "cuda" and found.backend not in ("warp", "pytorch3d"):
        raise ConfigError(
            f"{here}: backend '{found.backend}' has no CUDA kernels", "set optimize.backend: warp"
        )
    other = found.regressor.removeprefix("opt_")
    if found.regressor == "std" and not config.regressor_std:
        raise ConfigError(f"{here}: regressor is 'std', but regressor_std is empty")
    if found.regressor not in ("spin", "std"):
        first = {
            name: config.variant_settings.get(name, {}).get("regressor", config.optimize.regressor)
            for name in config.variants
        }
        if found.regressor == other or first.get(other) not in ("spin", "std"):
            raise ConfigError(
                f"{here}: regressor is '{found.regressor}', expected spin, std, or opt_<variant> of a "
                f"variant that itself reads spin or std",
                f"variants of this run: {', '.join(config.variants)}",
            )
    return found


def _explain(fault: Any, prefix: tuple[str, ...] = ()) -> str:
    path = tuple(str(part) for part in fault["loc"])
    shown = ".".join(prefix + path)
    if fault["type"] == "extra_forbidden":
        allowed = sorted(_block(path[:-1], Optimize if prefix else Config).model_fields)
        near = get_close_matches(path[-1], allowed, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"  unknown key '{shown}'{hint} Allowed here: {', '.join(allowed)}"
    if fault["type"] == "missing":
        return f"  key '{shown}' is missing"
    return f"  '{shown}' is {fault['input']!r}: {fault['msg']}"


def _block(path: tuple[str, ...], root: type[Settings]) -> type[Settings]:
    for part in path:
        annotation = root.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, Settings)):
            break
        root = annotation
    return root


def read_yaml(*paths: str | Path) -> dict[str, Any]:
    """Merge YAML files as Snakemake does: later files win, mappings merge, lists are replaced."""
    import yaml

    def merge(into: dict[str, Any], update: Mapping[str, Any]) -> None:
        for key, value in update.items():
            if isinstance(value, Mapping) and isinstance(into.get(key), dict):
                merge(into[key], value)
            else:
                into[key] = value

    merged: dict[str, Any] = {}
    for path in paths:
        merge(merged, yaml.safe_load(Path(path).read_text()) or {})
    return merged
