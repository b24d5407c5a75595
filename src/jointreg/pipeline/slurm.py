"""What a run on Slurm needs: its commands, and settings with which it does not wait for ever."""

import shutil
from collections.abc import Mapping

from jointreg.errors import ConfigError, DataError

COMMANDS = (("sbatch",), ("scancel",), ("sinfo",), ("scontrol",), ("sacct", "squeue"))
"""Commands of Slurm that the executor calls; one of each group is enough."""


def require_commands() -> str:
    """Paths of Slurm's commands.

    Raises:
        DataError: names those that are not on the PATH.
    """
    places = [[place for name in group if (place := shutil.which(name))] for group in COMMANDS]
    missing = [" or ".join(group) for group, paths in zip(COMMANDS, places, strict=True) if not paths]
    if missing:
        raise DataError(f"not on the PATH: {', '.join(missing)}")
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
    selected = {name.strip() for name in array_jobs.replace(";", ",").split(",")} - {""}
    rules = sorted(waiting) if "all" in selected else sorted(selected & set(waiting))
    sizes = {rule: min(waiting[rule], limit) for rule in rules if waiting[rule] > 1}
    needed = sum(sizes.values())
    if needed > jobs:
        listed = ", ".join(f"{rule} {size}" for rule, size in sizes.items())
        raise ConfigError(
            f"slurm-array-jobs: {array_jobs} needs `jobs` of {needed} or more ({listed}), and `jobs` is "
            f"{jobs}: the arrays would wait for ever",
            f"set jobs: {needed} in profiles/slurm/config.yaml, or --jobs {needed}; or name fewer rules",
        )
