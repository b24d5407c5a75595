"""Plan the full data set: jobs of each stage, and time and memory of its dry run.

`python benchmarks/scale.py`. Seven subjects, fifteen actions, six methods, three kinds of regressor and
five variants, on empty files that stand for Human3.6M, SMPL and the checkpoints: a dry run reads none
of them. Then parts of it, for the time by number of jobs; and Snakemake's own time for as many jobs of a
workflow whose rules compute nothing while they are planned.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "helpers"))

from planned_data import plant_human36m

PARTS = ("Snakefile", "workflow", "src", "config", "envs", "profiles")
METHODS = "methods=[spin,vibe,meva,vibe_sequence,meva_sequence,keypoints]"
VARIANTS = ("full", "no_discriminator", "no_silhouette", "multiview", "cosine_decay")


def empty_data(folder: Path) -> None:
    """A copy of the project, and an empty file for everything that a run needs from outside."""
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    base = folder / "data/human36m"
    plant_human36m(base / "raw")
    networks = ("spin_model_checkpoint.pth.tar", "vibe_model_wo_3dpw.pth.tar", "meva_model_best.pth.tar")
    files = ("smpl/SMPL_NEUTRAL.pkl", "J_regressor_h36m.npy")
    for name in (*files, *(f"networks/{file}" for file in (*networks, "smpl_mean_params.npz"))):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).touch()


def plain_workflow(folder: Path, jobs: int) -> None:
    """A Snakefile of about `jobs` jobs: chains of nine, each with a script and constant params."""
    folder.mkdir()
    (folder / "config").mkdir()
    (folder / "config/human36m.yaml").write_text("{}", encoding="utf-8")
    (folder / "none.py").touch()
    rules = [
        "wildcard_constraints: n='[0-9]+'",
        f"rule all:\n    input: expand('results/8/{{n}}', n=range({jobs // 9}))",
    ]
    for stage in range(9):
        first, before = (f"'results/{at}/{{n}}'" if stage else "[]" for at in (0, stage - 1))
        rules.append(
            f"rule stage_{stage}:\n    input: first={first}, before={before}\n"
            f"    output: 'results/{stage}/{{n}}'\n    log: 'logs/{stage}/{{n}}.log'\n"
            f"    benchmark: 'logs/{stage}/{{n}}.tsv'\n    params: cfg={{'key': 1}}, code='0'\n"
            "    script: 'none.py'"
        )
    (folder / "Snakefile").write_text("\n".join(rules), encoding="utf-8")


def dry_run(folder: Path, *arguments: str) -> tuple[dict[str, int], float, float, float]:
    """Jobs of each rule; seconds by the clock, CPU seconds, and peak memory in MB of one dry run."""
    command = [
        Path(sys.executable).with_name("snakemake"),
        "--dry-run",
        "--cores",
        "1",
        "--quiet",
        "rules",
    ]
    command += ["--configfile", "config/human36m.yaml", *arguments]
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stream:
        process = subprocess.Popen(command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        stream.seek(0)
        text = stream.read()
    if status:
        raise RuntimeError(text[-3000:])
    table = text.split("Job stats:")[1].split("\n\n")[0]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    return counts, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print the jobs of the full data set, and time and memory by number of jobs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "full"
        empty_data(folder)
        table = folder / "config/sequences/human36m.tsv"
        head, *rows = table.read_text(encoding="utf-8").splitlines()
        lines = []
        for actions, methods, variants in ((1, 1, 1), (5, 3, 3), (15, 3, 3), (15, 6, 5)):
            names = sorted({row.split("\t")[1] for row in rows})[:actions]
            kept = [row for row in rows if row.split("\t")[1] in names]
            table.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
            listed = METHODS.split("[")[1].rstrip("]").split(",")[:methods]
            examples = f"figures={{examples: {_examples(folder, kept[0])}}}"
            counts, *numbers = dry_run(
                folder,
                *("--config", f"methods=[{','.join(listed)}]"),
                *(f"variants=[{','.join(VARIANTS[:variants])}]", examples),
            )
            lines.append((counts["total"], *numbers))
        print("jobs of the full data set: 7 subjects, 15 actions, 6 methods, 5 variants")
        for rule, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"  {rule:22}{count:6}")
        print("\n| jobs | dry run, s | CPU, s | peak memory, MB |\n| ---: | ---: | ---: | ---: |")
        for jobs, seconds, cpu, megabytes in lines:
            print(f"| {jobs} | {seconds:.1f} | {cpu:.1f} | {megabytes:.0f} |")
        plain = Path(temporary) / "plain"
        plain_workflow(plain, lines[-1][0])
        counts, seconds, cpu, megabytes = dry_run(plain)
        print(f"| {counts['total']}, plain rules | {seconds:.1f} | {cpu:.1f} | {megabytes:.0f} |")


def _examples(folder: Path, row: str) -> str:
    """A table of examples with one frame of one sequence."""
    subject, action, *_ = row.split("\t")
    path = folder / "config/examples/benchmark.tsv"
    path.write_text(f"subject\taction\tframes\n{subject}\t{action}\t2\n", encoding="utf-8")
    return "config/examples/benchmark.tsv"


if __name__ == "__main__":
    main()
