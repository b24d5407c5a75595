"""The same run on several imitated processors: whether its tables have the same digits.

Usage: python tools/imitated_machines.py [CONFIG] [--machines NAME ...] [--cores N] [--targets NAME ...]

CONFIG is tests/tiny/config.yaml (the default, some minutes a machine) or config/open.yaml. Every machine
runs in a folder of its own, build/machines/<run>/<name>. What its libraries may use of the processor is
set by their own environment variables. So no machine can be imitated that has more than this one. FFmpeg
has no such variable: videos are written and read alike by all. Exit status 1 where a printed table
differs.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from compare_results import as_text, compare

from jointreg.config import read_yaml

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("Snakefile", "workflow", "src", "config", "envs", "profiles", "tools", "tests")

_NO_AVX512 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4",
    "OPENCV_CPU_DISABLE": "AVX512-SKX",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F",
}
MACHINES: dict[str, dict[str, str]] = {
    "this": {},
    "haswell": {"NUMBA_CPU_NAME": "haswell", "OPENBLAS_CORETYPE": "Haswell", **_NO_AVX512},
    "zen2": {
        "NUMBA_CPU_NAME": "znver2",
        "OPENBLAS_CORETYPE": "Zen",
        **_NO_AVX512,
        "MKL_CBWR": "COMPATIBLE",
    },
    "oldest": {
        "NUMBA_CPU_NAME": "generic",
        "OPENBLAS_CORETYPE": "Prescott",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,AVX,FMA3,FP16",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-FMA4,-AVX",
    },
}
"""Environment of every imitated machine. `oldest` has SSE4 and no fused multiply-add."""


def main() -> int:
    """Run all machines one after another, then compare each with the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", nargs="?", default="tests/tiny/config.yaml")
    parser.add_argument("--machines", nargs="+", choices=MACHINES, default=list(MACHINES))
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--targets", nargs="+", default=[], help="files or rules; default: all tables")
    arguments = parser.parse_args()
    run = read_yaml(ROOT / "config/config.yaml", ROOT / arguments.config)["run"]
    folders = [ROOT / "build/machines" / run / name for name in arguments.machines]
    for name, folder in zip(arguments.machines, folders, strict=True):
        print(f"{name}: {folder.relative_to(ROOT)}", flush=True)
        run_on(MACHINES[name], folder, arguments.config, arguments.cores, arguments.targets)
    differing = 0
    for name, folder in zip(arguments.machines[1:], folders[1:], strict=True):
        compared = compare(folders[0] / "results" / run, folder / "results" / run)
        print(f"\n{arguments.machines[0]} against {name}\n{as_text(compared)}")
        differing += len(compared.lines)
    return 1 if differing else 0


def run_on(machine: dict[str, str], folder: Path, config: str, cores: int, targets: list[str]) -> None:
    """Run the workflow in `folder`, whose code and settings are links to the project's own."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if not (folder / part).exists():
            (folder / part).symlink_to(ROOT / part)
    snakemake = str(Path(sys.executable).with_name("snakemake"))
    subprocess.run(
        [snakemake, "--cores", str(cores), "--quiet", "all", "--configfile", config, "--", *targets],
        cwd=folder,
        env=os.environ | machine,
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
