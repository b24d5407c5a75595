"""From merged values to checked settings; every fault is listed with its key."""

import os
import re
import reprlib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from jointreg.config.joint_sets import H36M, joint_set
from jointreg.config.settings import REFERENCE, Config, FitRegressor, Optimize
from jointreg.config.solvers import check_solver, solver_device
from jointreg.config.values import NAME, Settings, changes_of
from jointreg.config.weights import GET_WEIGHTS, MASK_RCNN
from jointreg.config.yaml_files import read_mapping
from jointreg.errors import ConfigError, default_cure

RUN = "{run}"
"""Placeholder for the name of the run, in any text of the configuration."""

MOST_FAULTS, MOST_LETTERS = 30, 2000
"""Faults that an error lists, and the letters of each."""

SLIP = 0.88
"""Likeness of two names from which on one is taken for the other misspelt (`difflib`)."""

OLD_KEYS: dict[str, str] = {
    "dataset.kind": "dataset.source: human36m, or multiview",
    "synthesize.enabled": "dataset.source: synthetic, in place of `enabled: true`; else remove it",
    "triangulate.enabled": "dataset.source: landmarks, in place of `enabled: true`; else remove it",
    "fit_regressor_spin": "fit_regressor, and what differs for J_spin in fit_regressor: {spin: {...}}",
    "fit_regressor_opt": "fit_regressor, and what differs for J_opt in fit_regressor: {opt: {...}}",
    "learning_curve": "fit_learning_curve",
    "networks": "run_network",
}
"""Key of earlier versions -> what to write today."""


@default_cure("keys: config/README.md")
def load(values: Mapping[str, Any], files: list[str] | None = None, home: Path = Path()) -> Config:
    """Validate the merged configuration, with `{run}` replaced by the name of the run.

    Args:
        values: the mapping that Snakemake merged from its config files and `--config`.
        files: the files it came from, named in errors.
        home: the folder of the workflow: a file `config/...` that the working directory lacks is taken
            from there.

    Raises:
        ConfigError: a key is unknown, missing or has a wrong value; all faults are listed.
    """
    where = ", ".join(files or []) or "configuration"
    run = str(values.get("run"))
    try:
        config = Config.model_validate(_filled(values, run, home))
    except ValidationError as error:
        read = {
            file: _filled(read_mapping(file), run, home) for file in files or [] if Path(file).is_file()
        }
        raise _refused(error, where, files=read) from None
    if config.dataset.source == "synthetic" and config.body != "open":
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
    _require_joints(config, where)
    for variant in config.variants:
        optimize_settings(config, variant, where)
    if REFERENCE not in config.variants:
        raise ConfigError(
            f"{where}: variants lacks '{REFERENCE}', the regressor that Table I calls opt",
            f"add {REFERENCE} to variants",
        )
    if config.figures.variant not in config.variants:
        raise ConfigError(
            f"{where}: figures.variant is '{config.figures.variant}', which is no variant of this run",
            f"variants of this run: {', '.join(config.variants)}",
        )
    _require_no_slip(config, where)
    unknown = set(config.fit_regressor.variants) - set(config.variant_settings)
    if unknown:
        raise ConfigError(
            f"{where}: fit_regressor.variants has {', '.join(sorted(unknown))}, expected of "
            f"variant_settings: {', '.join(sorted(config.variant_settings))}"
        )
    for regressor in ("spin", *(f"opt_{variant}" for variant in config.variants)):
        fit_settings(config, regressor, where)
    return config


def _require_no_slip(config: Config, where: str) -> None:
    """Refuse settings of a variant that the run does not have, where only a letter is wrong.

    Variants that a run does not use are no fault, such as those of config.yaml.
    """
    for name in sorted(set(config.variant_settings) - set(config.variants)):
        others = [used for used in config.variants if _letters(used) != _letters(name)]
        if near := get_close_matches(name, others, n=1, cutoff=SLIP):
            raise ConfigError(
                f"{where}: variant_settings has '{name}', which is no variant of this run; did you mean "
                f"'{near[0]}'?",
                f"correct the name, or add {name} to variants",
            )


def _letters(name: str) -> str:
    """A name without its numbers: `mine_1` and `mine_2` are no slip."""
    return re.sub(r"\d", "", name)


def _require_joints(config: Config, where: str) -> None:
    """Refuse an evaluation of joints that the labels lack, and what needs Human3.6M's."""
    joints = joint_set(config.dataset.joints)
    root = config.evaluate.root
    known = (*joints.joints, *(["mid_hip"] if {"left_hip", "right_hip"} <= set(joints.joints) else []))
    if root not in known:
        raise ConfigError(f"{where}: evaluate.root is '{root}', expected one of {', '.join(known)}")
    if joints == H36M:
        return
    wrong: dict[str, object] = {
        "dataset.source": config.dataset.source != "multiview" and config.dataset.source,
        "evaluate.joints": config.evaluate.joints != "all" and config.evaluate.joints,
        "regressor_std": config.regressor_std,
    }
    for variant in config.variants:
        settings = optimize_settings(config, variant, where)
        wrong[f"optimize.label_offsets of {variant}"] = settings.label_offsets != "none"
        wrong[f"optimize.joint_frame of {variant}"] = settings.joint_frame != "absolute"
    cures = {
        "dataset.source": "set it to multiview, whose labels may be any joints",
        "evaluate.joints": "set it to all",
        "regressor_std": "leave it empty: the field's regressors are of Human3.6M's joints",
    }
    for key, value in wrong.items():
        if value:
            raise ConfigError(
                f"{where}: dataset.joints is {config.dataset.joints}, for which {key} cannot be "
                f"'{value}'",
                cures.get(key, "leave the variant out: it needs Human3.6M's joints"),
            )


@default_cure("keys: config/README.md")
def optimize_settings(config: Config, variant: str, where: str = "configuration") -> Optimize:
    """Settings of `optimize` for one variant: the block with the variant's changes.

    Raises:
        ConfigError: the variant is not defined, or its settings contradict each other.
    """
    if variant not in config.variant_settings:
        known = ", ".join(sorted(config.variant_settings))
        raise ConfigError(f"{where}: variants: '{variant}' is not defined, known are {known}")
    settings = _optimize(config, variant)
    here = f"{where}: variant '{variant}'"
    if settings.multiview and settings.camera == "weak_perspective":
        raise ConfigError(f"{here}: multiview needs calibrated cameras", "set camera: calibrated")
    device = solver_device(settings, config.device)
    check_solver(settings, device, here)
    if device == "cuda" and settings.backend not in ("warp", "pytorch3d"):
        raise ConfigError(
            f"{here}: backend '{settings.backend}' has no CUDA kernels", "set optimize.backend: warp"
        )
    other = settings.regressor.removeprefix("opt_")
    if settings.regressor == "std" and not config.regressor_std:
        raise ConfigError(f"{here}: regressor is 'std', but regressor_std is empty")
    if settings.regressor not in ("spin", "std"):
        if settings.regressor == other or not _begins_with_file(config, settings.regressor):
            is_left_out = other in config.variant_settings and other not in config.variants
            raise ConfigError(
                f"{here}: regressor is '{settings.regressor}', expected spin, std, or opt_<variant> of "
                "another variant of this run that does not wait for this one",
                f"add {other} to variants"
                if is_left_out
                else f"variants of this run: {', '.join(config.variants)}",
            )
    elif settings.start == "refined":
        raise ConfigError(
            f"{here}: start is 'refined', but regressor is '{settings.regressor}'",
            "set regressor: opt_<variant>, of the variant whose bodies to start from",
        )
    return settings


def _begins_with_file(config: Config, regressor: str) -> bool:
    """Whether the variants that lead to a regressor are of this run and begin with spin or std."""
    for _ in config.variants:
        variant = regressor.removeprefix("opt_")
        if variant not in config.variants:
            return False
        regressor = _optimize(config, variant).regressor
        if regressor in ("spin", "std"):
            return True
    return False


def _optimize(config: Config, variant: str) -> Optimize:
    """The block with a variant's changes, unchecked; a variant without an entry changes nothing."""
    changes = config.variant_settings.get(variant)
    return config.optimize.model_copy(update=changes_of(changes) if changes else {})


def fit_settings(config: Config, regressor: str, where: str = "configuration") -> FitRegressor:
    """Settings of `fit_regressor` for one regressor: the block with the regressor's own values.

    After root-relative refinement the bodies' translation means nothing. It is eliminated from the fit
    of such a variant's J_opt.

    Args:
        config: the configuration.
        regressor: spin, or opt_<variant>.
        where: the files of the configuration, named in errors.

    Raises:
        ConfigError: the settings contradict each other.
    """
    stage, _, variant = regressor.partition("_")
    try:
        settings = config.fit_regressor.of("opt" if stage == "opt" else "spin", variant)
    except ValidationError as error:
        raise _refused(error, where, ("fit_regressor", stage)) from None
    if variant and _optimize(config, variant).joint_frame == "root_relative":
        settings = settings.model_copy(update={"translation": "eliminated"})
    return settings


def _filled(value: Any, run: str, home: Path) -> Any:
    """The same values with `{run}` replaced and shipped files found, in every text."""
    if isinstance(value, str):
        text = value.replace(RUN, run)
        is_shipped = text.startswith("config/") and not Path(text).exists() and (home / text).exists()
        return os.path.relpath(home / text) if is_shipped else text
    if isinstance(value, Mapping):
        return {key: _filled(item, run, home) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, run, home) for item in value]
    return value


def _refused(
    error: ValidationError,
    where: str,
    prefix: tuple[str, ...] = (),
    files: Mapping[str, Any] = MappingProxyType({}),
) -> ConfigError:
    """The faults as one error. Of several files, with their contents, each fault names its own."""
    faults = error.errors()
    lines = [
        f"  {_place(fault, files)}{_explain(fault, prefix)[:MOST_LETTERS]}"
        for fault in faults[:MOST_FAULTS]
    ]
    if len(faults) > MOST_FAULTS:
        lines.append(f"  and {len(faults) - MOST_FAULTS} more")
    return ConfigError(f"{where}:\n" + "\n".join(lines), "keys: config/README.md")


def _place(fault: Any, contents: Mapping[str, Any]) -> str:
    """`config/mine.yaml: `, which of several files give the key this value; empty if none does."""

    def has(content: Any) -> bool:
        try:
            for part in fault["loc"]:
                content = content[part]
        except (KeyError, IndexError, TypeError):
            return False
        return repr(content) == repr(fault["input"])  # not ==: no NaN equals itself, and 1 is True

    names = [file for file, content in contents.items() if has(content)]
    return f"{', '.join(names)}: " if names and len(contents) > 1 else ""


def _explain(fault: Any, prefix: tuple[str, ...]) -> str:
    path = (*prefix, *(str(part) for part in fault["loc"]))
    key = ".".join(path)
    if fault["type"] == "extra_forbidden":
        if key in OLD_KEYS:
            return f"key '{key}' has a new name. Write {OLD_KEYS[key]}"
        allowed = sorted(_block(path[:-1]).model_fields)
        near = [f"{name}.{path[-1]}" for name in Config.model_fields if path[-1] in _keys(name)]
        near = near or get_close_matches(path[-1][:80], allowed, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        return f"unknown key '{key:.200}'{hint} Allowed here: {', '.join(allowed)}"
    if fault["type"] == "missing":
        return f"key '{key}' is missing"
    if fault["type"] == "invalid_key":
        return f"key {fault['input']!r} is no text: every key is a name of config/README.md"
    return f"'{key}' is {reprlib.repr(fault['input'])}: {_expected(fault)}"


def _keys(block: str) -> Iterable[str]:
    """Keys of a block; none of what is no block."""
    return getattr(Config.model_fields[block].annotation, "model_fields", ())


def _expected(fault: Any) -> str:
    """What a value should have been, in the words of somebody who writes YAML; else pydantic's own."""
    kind, bounds = fault["type"], fault.get("ctx", {})
    if kind == "string_pattern_mismatch" and bounds["pattern"] == NAME:
        return "expected letters, digits, '_' and '-' only"
    words = _EXPECTED.get(kind.removesuffix("_type").removesuffix("_parsing"))
    return words.format(**bounds) if words else fault["msg"].replace("Input should be", "expected")


_EXPECTED = {
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected {ge:g} or more",
    "less_than": "expected less than {lt:g}",
    "less_than_equal": "expected {le:g} or less",
    "literal_error": "expected {expected}",
    "int": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float": "expected a number",
    "bool": "expected true or false",
    "string": "expected text; put quotes around a number that is meant as a name",
    "list": "expected a list, as in [a, b]",
    "tuple": "expected a list, as in [a, b]",
    "dict": "expected keys with values under it; leave the line out for the defaults",
    "model": "expected keys with values under it; leave the line out for the defaults",
}
"""Pydantic's type of fault, without its ending -> what was expected."""


def _block(path: tuple[str, ...]) -> type[Settings]:
    """Class of the block at a path of keys. The name of a variant is part of the path, but no key."""
    block: Any = Config
    for part in path:
        if isinstance(block, type) and issubclass(block, Settings):
            block = block.model_fields[part].annotation
        else:
            _, block = get_args(block)
    return block
