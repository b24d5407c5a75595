"""Wall time and CPU hours of the full data set, calculated: `python benchmarks/wall_time.py`.

Three networks, three variants, every fifth of Human3.6M's frames; stages one after another. A stage
takes as many waves as its jobs need workers, a job its mean frames. Costs a frame are those measured on
one core (docs/scale.md); what stands under ASSUMED has been measured nowhere.
"""

from dataclasses import dataclass
from math import ceil

FRAMES, TRAINING = 422_142, 311_997
"""Frames that are used, and those of them to train on; 105 and 75 sequences."""
VARIANTS = 3
PREPARE_MS, SEGMENT_MS = 24, 42
"""Every fifth frame used, the decoding of the others included: `benchmarks/decoding.py` on a busy core,
and 1.3 ms to write a crop."""

# ASSUMED
GPU_REFINES_MS, GPU_SEES_MS = 3.0, 1.0
"""Refinement a frame, a twentieth of a core's; backbone an image."""
GPU_STARTS_S, CORE_STARTS_S = 15, 6
"""Slurm, Snakemake, and CUDA."""
CORES_BESIDE_A_GPU = 8
DISCRIMINATOR_S = 240
"""A tenth of a core's 40 minutes, for each of two variants with D."""
TABLES_S = 300

FIT_CORES, SUMS_MS = 8, 3.7
"""Threads of a fit; one core's time for the sums over a frame."""

CORE_HOURS = {
    "prepare": FRAMES * PREPARE_MS / 3.6e6,
    "background": 7 * 60 * 0.38 / 3600,
    "segment by background": TRAINING * SEGMENT_MS / 3.6e6,
    "features": FRAMES * 47 / 3.6e6,
    "run_network": 165 / 105 * FRAMES * 0.8 / 3.6e6,
    "fits of the regressor": (1 + VARIANTS) * (TRAINING * SUMS_MS / 3.6e6 + 10 / 3600),
    "train_discriminator": 2 * 40 / 60,
    "evaluate, tables, figures": TABLES_S / 3600,
}
"""CPU hours of one core without a GPU, apart from the refinement."""
REFINE_MS = {
    # 100 iterations, docs/refinement.md: full, no_discriminator, no_silhouette
    "Adam": 44 + 39 + 9,
    "lm": 44 / 5.4 + 39 / 6.1 + 9,
}
"""Refinement of a frame by the three variants, on one core."""


@dataclass(frozen=True)
class Stage:
    """Jobs that do not wait for each other."""

    name: str
    jobs: int
    work_s: float
    """Of the mean job."""
    gpu: bool = False
    cores: int = 1
    """Of a job without a GPU."""

    def minutes(self, gpus: int) -> float:
        """All waves, on `gpus` GPUs and the cores beside them."""
        workers = gpus if self.gpu else gpus * CORES_BESIDE_A_GPU // self.cores
        starts = GPU_STARTS_S if self.gpu else CORE_STARTS_S
        return ceil(self.jobs / workers) * (starts + self.work_s) / 60


def job(frames: int, jobs: int, milliseconds: float) -> float:
    """Seconds of the mean job."""
    return frames / jobs * milliseconds / 1e3


def fit(solving_s: float) -> float:
    """Seconds of the fit of a regressor: sums by `FIT_CORES` threads, then one that solves."""
    return job(TRAINING, FIT_CORES, SUMS_MS) + solving_s


STAGES = (
    Stage("prepare (cores)", 105, job(FRAMES, 105, PREPARE_MS)),
    Stage("segment by background (cores)", 75, job(TRAINING, 75, SEGMENT_MS)),
    Stage("features", 105, job(FRAMES, 105, GPU_SEES_MS), gpu=True),
    Stage("run_network (cores)", 165, job(FRAMES, 105, 0.8)),
    Stage("fit_regressor_spin (8 cores)", 1, fit(14), cores=FIT_CORES),
    Stage("train_discriminator", 2, DISCRIMINATOR_S, gpu=True),
    Stage("optimize", 75 * VARIANTS, job(TRAINING, 75, GPU_REFINES_MS), gpu=True),
    Stage("fit_regressor_opt (8 cores)", VARIANTS, fit(9), cores=FIT_CORES),
    Stage("evaluate, tables, figures", 1, TABLES_S),
)


def main() -> None:
    """Print minutes by stage for 1, 8 and 64 GPUs, and the longest stage of each."""
    clusters = (1, 8, 64)
    print("| stage | 1 GPU | 8 GPUs | 64 GPUs |\n| --- | ---: | ---: | ---: |")
    for stage in STAGES:
        print(f"| {stage.name} | {' | '.join(f'{stage.minutes(n):.0f}' for n in clusters)} |")
    hours = [sum(stage.minutes(n) for stage in STAGES) / 60 for n in clusters]
    print(f"| all, hours | {' | '.join(f'{h:.1f}' for h in hours)} |")
    longest = [max(STAGES, key=lambda stage, n=n: stage.minutes(n)).name for n in clusters]
    print(f"| longest | {' | '.join(name.split(' (')[0] for name in longest)} |")
    print("\n| without a GPU, CPU hours | |\n| --- | ---: |")
    for name, hours_of_one in CORE_HOURS.items():
        print(f"| {name} | {hours_of_one:.1f} |")
    for solver, milliseconds in REFINE_MS.items():
        refining = TRAINING * milliseconds / 3.6e6
        print(f"| optimize, {solver} | {refining:.1f} |")
        print(f"| all, {solver} | {refining + sum(CORE_HOURS.values()):.1f} |")


if __name__ == "__main__":
    main()
