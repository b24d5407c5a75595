"""What a run on Slurm needs: its commands, and settings with which it does not wait for ever."""

import shutil
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from jointreg.errors import ConfigError, DataError

PROFILE = "profiles/slurm/profile.yaml"
COMMANDS = (("sbatch",), ("scancel",), ("sinfo",), ("scontrol",), ("sacct", "squeue"))
"""Commands of Slurm that the executor calls; one of each group is enough."""


class Request(NamedTuple):
    """What the jobs of a rule ask of the cluster."""

    rule: str
    gpus: int
    """By `--gpus`."""
    gres: str
    """By `--gres`; empty for nothing."""
    partition: str
    """Empty for the site's default."""


def require_commands() -> str:
    """Names of Slurm's commands.

    Raises:
        DataError: names those that are not on the PATH.
    """
    places = [[place for name in group if (place := shutil.which(name))] for group in COMMANDS]
    missing = [" or ".join(group) for group, paths in zip(COMMANDS, places, strict=True) if not paths]
    if missing:
        raise DataError(
            f"no Slurm on this machine, not on the PATH: {', '.join(missing)}",
            "call it on a login node, or load the cluster's module of Slurm. To run on this machine: "
            "--cores 8 in place of --profile slurm",
        )
    return ", ".join(group[0] for group in places)


def require_room_for_arrays(array_jobs: str, waiting: Mapping[str, int], jobs: int, limit: int) -> None:
    """Refuse job arrays that never become complete.

    The Slurm plugin (2.8.0) holds the jobs of an array back until all jobs of the rule that can run have
    arrived, or `limit` of them. Snakemake hands over at most `jobs` at a time, including those that are
    held back. So the arrays of all selected rules must fit into `jobs` together.

    Args:
        array_jobs: the setting `slurm-array-jobs`: rules separated by commas or semicolons, or `all`.
        waiting: rule -> number of its jobs in this run.
        jobs: the setting `jobs`.
        limit: the setting `slurm-array-limit`.

    Raises:
        ConfigError: the arrays need a larger `jobs`.
    """
    rules = _selected(array_jobs, waiting)
    sizes = {rule: min(waiting[rule], limit) for rule in rules if waiting[rule] > 1}
    needed = sum(sizes.values())
    if needed > jobs:
        listed = ", ".join(f"{rule} {size}" for rule, size in sizes.items())
        raise ConfigError(
            f"slurm-array-jobs: {array_jobs} needs `jobs` of {needed} or more ({listed}), and `jobs` is "
            f"{jobs}: the arrays would wait for ever",
            f"set jobs: {needed} in {PROFILE}, or --jobs {needed}; or name fewer rules",
        )


def require_alike_arrays(array_jobs: str, requests: Iterable[Request]) -> None:
    """Refuse arrays of jobs that ask for different GPUs or partitions.

    The Slurm plugin (2.8.0) asks for every job of an array what it asks for the first one.

    Args:
        array_jobs: the setting `slurm-array-jobs`.
        requests: different requests of the jobs of this run.

    Raises:
        ConfigError: names the first rule whose jobs differ.
    """
    requests = list(requests)
    for rule in _selected(array_jobs, {one.rule for one in requests}):
        if len({(one.gpus, one.gres, one.partition) for one in requests if one.rule == rule}) > 1:
            raise ConfigError(
                f"slurm-array-jobs: {array_jobs}: jobs of rule {rule} ask for different GPUs or "
                "partitions, and in an array all would get those of the first one",
                f"leave {rule} out of slurm-array-jobs, or run its `solver: lm` in another call",
            )


def _selected(array_jobs: str, rules: Iterable[str]) -> list[str]:
    """Those of the rules that the setting `slurm-array-jobs` names, in alphabetical order."""
    named = _named(array_jobs)
    return sorted(rules) if "all" in named else sorted(named & set(rules))


def _named(array_jobs: str) -> set[str]:
    return {name.strip() for name in array_jobs.replace(";", ",").split(",")} - {""}


def unknown_rules(rules: Iterable[str], set_resources: Iterable[str], array_jobs: str = "") -> list[str]:
    """Names in a profile that no rule of the run has, each with the rule that it resembles.

    Snakemake and the Slurm plugin (2.8.0) pass over them without a word.

    Args:
        rules: of the run.
        set_resources: names under `set-resources`.
        array_jobs: the setting `slurm-array-jobs`.
    """
    rules = list(rules)
    unknown = sorted({*set_resources, *_named(array_jobs)} - {*rules, "all"})
    near = [get_close_matches(name, rules, n=1) for name in unknown]
    return [
        f"{name} (did you mean {like[0]}?)" if like else name
        for name, like in zip(unknown, near, strict=True)
    ]


def require_one_flag(requests: Iterable[Request]) -> None:
    """Refuse rules that ask for a GPU twice: the Slurm plugin sends `--gpus` as well as `--gres`.

    Raises:
        ConfigError: names the rules.
    """
    twice = [one for one in requests if one.gpus and "gpu" in one.gres]
    if twice:
        asked = ", ".join(f"{one.rule} (gpu {one.gpus}, gres {one.gres})" for one in twice)
        raise ConfigError(
            "GPUs are asked for by `gpu` and by `gres`, and Slurm would get both, --gpus and --gres: "
            f"{asked}",
            "where the site wants --gres, set gpu: 0 for these rules under set-resources of the profile",
        )


def on_gpu_partitions(requests: Iterable[Request]) -> list[str]:
    """Rules without a GPU that are sent to a partition to which others go for theirs.

    The site's default partition is nobody's in particular.
    """
    requests = list(requests)
    with_gpu = {one.partition for one in requests if one.gpus or "gpu" in one.gres} - {""}
    return [
        one.rule
        for one in requests
        if not one.gpus and "gpu" not in one.gres and one.partition in with_gpu
    ]
