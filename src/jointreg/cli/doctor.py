"""`jointreg doctor`: what would stop a run."""

import argparse

from jointreg.cli.options import Commands, add_body, add_command


def add_doctor(commands: Commands) -> None:
    """Add the command to `commands`."""
    doctor = add_command(
        commands,
        "doctor",
        _run,
        "Check Python, packages, kernels, the body and the data of a run.",
        "jointreg doctor --config config/lab.yaml",
    )
    doctor.add_argument(
        "--config", nargs="+", default=[], metavar="FILE", help="configuration whose data to look for"
    )
    doctor.add_argument(
        "--slurm",
        action="store_true",
        help="for a run on Slurm: look for its commands, and for no GPU on this machine",
    )
    add_body(doctor)


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.pipeline.doctor import examine, report

    checks = examine(arguments.body, arguments.config, arguments.slurm)
    print(report(checks))
    return 1 if any(check.passed is False for check in checks) else 0
