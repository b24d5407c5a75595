"""Adam and Levenberg-Marquardt on the same frames, in one process: `python benchmarks/solvers.py`.

Needs a finished run of the open data set (`make demo`). Bodies are refined as the variants `full` and
`no_discriminator` do, by 100 steps of Adam, and by the variants `fast` and `fast_no_discriminator`.
Printed are CPU time, energies, errors against the truth, and how many times faster
Levenberg-Marquardt reaches Adam's mean energy, its start included. The settings of
Levenberg-Marquardt were chosen on the first 64 frames in the order into which `--seed 0` shuffles
them, without looking at others. `--skip` leaves these out.
"""

import argparse
import os
import time
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
from scene import ROOT

from jointreg import metrics, stores
from jointreg.body import Body, load_body
from jointreg.config import Optimize, read_yaml
from jointreg.diagnosis.true_bodies import model_bodies
from jointreg.refine import Refined, Sample, refine_sample
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.loop import term_factors
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample
from jointreg.regressor import load_regressor

CONFIG = read_yaml(ROOT / "config" / "config.yaml")
PAIRS = (("no_discriminator", "fast_no_discriminator"), ("full", "fast"))


class Frames:
    """Shuffled training frames of a finished run, with their true bodies."""

    def __init__(self, results: Path, truth: Path, seed: int, first: int, count: int) -> None:
        self.body = load_body("open")
        samples, bodies = [], []
        for path in sorted((results / "prepare").glob("*/*.zarr.zip")):
            subject, action = path.parent.name, path.name.split(".")[0]
            files = [results / stage / subject / path.name for stage in ("segment", "estimate/sim_spin")]
            if not (results / "optimize" / "full" / subject / path.name).exists():
                continue  # a test subject
            samples.append(load_sample(path, *files))
            rows = stores.FRAMES.read(path, only=["take", "camera", "frame"])
            bodies.append(model_bodies(truth, subject, action, rows))
        names = ("rotations", "betas", "translation")
        whole = Sample(
            {name: np.concatenate([sample.bodies[name] for sample in samples]) for name in names},
            *(
                np.concatenate([getattr(sample, name) for sample in samples])
                for name in ("joints_cam", "masks", "intrinsics", "scores")
            ),
        )
        order = np.random.default_rng(seed).permutation(len(whole))[first : first + count]
        self.sample = whole.part(order)
        self.truth = {name: np.concatenate([part[name] for part in bodies])[order] for name in names}
        self.regressor = load_regressor(results / "fit_regressor_spin/J_spin.npy", self.body).weights
        self.weights = EnergyWeights.read(results / "energy_weights/weights.json")
        self.discriminator = Discriminator.load(results / "train_discriminator/full.pt")

    def refine(self, settings: Optimize, rows: slice = slice(None)) -> tuple[Refined, float]:
        """Refined bodies, and the CPU time of a frame, ms."""
        sample = self.sample.part(rows)
        begin = time.process_time()
        refined = refine_sample(
            self.body,
            sample,
            self.regressor,
            settings=settings,
            weights=self.weights,
            discriminator=self.discriminator,
        )
        return refined, 1e3 * (time.process_time() - begin) / len(sample)

    def energies(self, refined: Refined, settings: Optimize) -> np.ndarray:
        """Weighted energies, (N, S)."""
        return refined.energies.astype(np.float64) @ np.array(term_factors(settings, self.weights))

    def errors(self, refined: Refined) -> np.ndarray:
        """Vertices, vertices moved to their means, shape in T-pose: mm, (N, 3)."""
        ours, true = (self._meshes(self.body, bodies) for bodies in (refined.bodies(), self.truth))
        errors = [
            metrics.vertex_error(ours[0], true[0]),
            metrics.vertex_error(ours[0], true[0], centred=True),
            metrics.vertex_error(ours[1], true[1], centred=True),
        ]
        return 1e3 * np.stack(errors, axis=1)

    @staticmethod
    def _meshes(body: Body, bodies: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        shapes = np.einsum("nb,vcb->nvc", bodies["betas"], body.shape_directions)
        return (
            body.vertices(bodies["rotations"], bodies["betas"], bodies["translation"]),
            body.template + shapes,
        )


def settings(variant: str, **changes: object) -> Optimize:
    """Settings of a variant of config/config.yaml."""
    return Optimize(**CONFIG["optimize"] | CONFIG["variant_settings"][variant] | changes)


def worst(values: np.ndarray) -> float:
    """Mean of the worst 1 % of frames, at least of one."""
    return float(np.sort(values)[-max(1, round(len(values) / 100)) :].mean())


def compare(frames: Frames, slow: str, fast: str) -> None:
    """Print both solvers' rows."""
    adam, ours = settings(slow, store_every=100), settings(fast, store_every=1)
    for warm_up in (adam.model_copy(update={"iterations": 1}), ours):
        frames.refine(warm_up, slice(0, 3))
    results = [(slow, adam, *frames.refine(adam)), (fast, ours, *frames.refine(ours))]
    for name, chosen, refined, cost in results:
        energies = frames.energies(refined, chosen)[:, -1]
        errors = frames.errors(refined)
        print(
            f"  {name:22s} {chosen.iterations:3d} steps {cost:7.2f} ms  energy {energies.mean():.4f} "
            f"(worst 1 %: {worst(energies):.3f})  vertices {errors[:, 0].mean():.2f} (worst 1 %: "
            f"{worst(errors[:, 0]):.1f})  centred {errors[:, 1].mean():.2f}  "
            f"shape {errors[:, 2].mean():.2f} mm",
            flush=True,
        )
    goal = frames.energies(results[0][2], adam)[:, -1].mean()
    means = frames.energies(results[1][2], ours).mean(axis=0)
    steps = np.flatnonzero(means <= goal)
    start = frames.energies(frames.refine(settings(slow, iterations=1))[0], adam)[:, 0].mean()
    print(f"  energy of the start on the joints: {means[0] / start:.3f} of the start of Adam")
    if not len(steps):
        print(f"  {fast} does not reach the mean energy of {slow}")
        return
    needed = max(int(steps[0]), 1)
    _, cost = frames.refine(ours.model_copy(update={"iterations": needed}))
    print(
        f"  Adam's mean energy after {needed} steps, {cost:.2f} ms: {results[0][3] / cost:.1f} x faster"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "results/open")
    parser.add_argument("--truth", type=Path, default=ROOT / "data/open/truth")
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--skip", type=int, default=64, help="frames in front of them")
    parser.add_argument("--seed", type=int, default=0, help="of the order of frames")
    options = parser.parse_args()
    frames = Frames(options.results, options.truth, options.seed, options.skip, options.frames)
    print(f"{len(frames.sample)} frames, one thread; CPU time a frame")
    for slow, fast in PAIRS:
        print(f"{slow} and {fast}")
        compare(frames, slow, fast)


if __name__ == "__main__":
    main()
