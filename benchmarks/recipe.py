"""The variant `recommended` round by round against the truth: `python benchmarks/recipe.py`.

Needs a finished run of the open data set: `make demo` (two cameras) or `make variants` (four). The
bodies of the training subjects are refined as the variant does, in as many rounds as asked. Printed for
each round, mm: errors of the bodies (vertices, vertices moved to their means, shape in T-pose); the
error of the limbs that all subjects share, in the frames of the limbs; and the error of J_opt on true
bodies, mean over 17 joints, absolute (least to largest of a subject) / moved to the pelvis. That is of
the training subjects, and with `--held-out` also of those that no regressor was fitted to.

`--seeds` makes the data anew for each seed first, in runs named `recipe_<cameras>_<clothes>_<seed>`;
`--clothes` dresses their people (quicker: benchmarks/clothes.py). `--set shell=subject
shape_prior=0.001` refines with a shell, whose mean thickness over subjects is then printed, mm by part.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
import yaml
from against_truth import NAMES, Truth
from rounds import Bodies, fit_settings
from scene import ROOT

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import FitRegressor, read_yaml
from jointreg.diagnosis.true_bodies import TrueBodies, model_bodies
from jointreg.refine import Sample
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample
from jointreg.regressor import load_regressor
from jointreg.synthetic.truth import read_bodies

TEST = ("S9", "S11")
READ = ("joints_cam", "take", "camera", "frame")


class Run:
    """Training subjects and held-out bodies of a finished run, with the truth."""

    def __init__(self, results: Path, truth: Path, *, alone: bool, every: int) -> None:
        self.alone, model = alone, load_body("open")
        self.samples: dict[str, Sample] = {}
        training: dict[str, TrueBodies] = {}
        for folder in sorted((results / "segment").iterdir()):
            paths = sorted(folder.glob("*.zarr.zip"))
            if folder.name in TEST:
                continue
            parts, frames, bodies = [], [], []
            for path in paths:
                files = [
                    results / stage / folder.name / path.name
                    for stage in ("prepare", "segment", "estimate/sim_spin")
                ]
                parts.append(load_sample(*files))
                frames.append(stores.FRAMES.read(files[0], only=READ))
                action = path.name.split(".")[0]
                bodies.append(model_bodies(truth, folder.name, action, frames[-1]))
            sample = Sample.joined(parts)
            rows = np.flatnonzero(sample.views.moment % every == 0)
            self.samples[folder.name] = sample.part(rows)
            training[folder.name] = _joined(bodies, rows)
        self.regressor = load_regressor(results / "fit_regressor_spin/J_spin.npy", model).weights
        self.weights = EnergyWeights.read(results / "energy_weights/weights.json")
        unseen = {
            subject: _joined(
                [
                    read_bodies(truth, subject, path.stem)
                    for path in sorted((truth / "bodies" / subject).glob("*.npz"))
                ]
            )
            for subject in TEST
        }
        self.truth = Truth(model, np.load(truth / "J_true.npy"), training, unseen)

    def rounds(self, count: int, optimize: dict, settings: FitRegressor, *, held_out: bool) -> None:
        """Refine and fit `count` times, and print."""
        if self.alone:
            optimize = {"multiview": False} | optimize
        inputs = self.samples, self.regressor, self.weights, count, settings
        self.truth.follow(*inputs, held_out=held_out, **optimize)


def _joined(parts: list[Bodies], rows: np.ndarray | slice = slice(None)) -> TrueBodies:
    return TrueBodies(*(np.concatenate([part[name] for part in parts])[rows] for name in NAMES))


def make(cameras: int, seed: int, clothes: str) -> str:
    """Make the data of one seed, and what the refinement needs of it; the name of its run.

    Clothes are those of `synthesize.clothes`, or as many millimetres over trunk, arms and legs.
    """
    run = f"recipe_{cameras}_{clothes}_{seed}"
    synthesize = f"synthesize={{clothes: {clothes}}}"
    if clothes.isdigit():
        parameters = read_yaml(ROOT / "config/generator.yaml")
        outfit = parameters["clothes"]["tight"] | {"long_sleeves": True, "folds": 0.0}
        for part in ("trunk_m", "upper_arm_m", "forearm_m", "thigh_m", "shin_m"):
            outfit[part] = [int(clothes) / 1000] * 2
        parameters["clothes"]["tight"] = outfit
        path = ROOT / "build" / f"{run}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(parameters), encoding="utf-8")
        synthesize = f"synthesize={{clothes: tight, parameters: {path}}}"
    files = ["config/open.yaml", *(["config/open_variants.yaml"] if cameras == 4 else [])]
    targets = [
        f"results/{run}/fit_regressor_spin/J_spin.npy",
        f"results/{run}/energy_weights/weights.json",
        *(f"data/{run}/human36m/{subject}/files.json" for subject in TEST),
    ]
    command = [sys.executable, "-m", "snakemake", "--quiet", "--cores", "1", "--configfile", *files]
    command += ["--config", f"run={run}", f"seed={seed}", "variants=[full]", synthesize]
    subprocess.run([*command, "--", *targets], cwd=ROOT, check=True)
    return run


def main() -> None:
    """Refine and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "results/open")
    parser.add_argument("--truth", type=Path, default=ROOT / "data/open/truth")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="use every n-th moment, to be quick")
    parser.add_argument("--alone", action="store_true", help="each camera has a body of its own")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="keys of optimize that differ"
    )
    parser.add_argument(
        "--fit", nargs="*", default=[], metavar="KEY=VALUE", help="keys of fit_regressor"
    )
    parser.add_argument("--held-out", action="store_true", help="print the error on S9 and S11")
    parser.add_argument(
        "--seeds", nargs="*", type=int, default=[], help="make data for each of them first"
    )
    parser.add_argument(
        "--clothes", default="none", help="of data that is made: none, tight, loose or millimetres"
    )
    parser.add_argument("--cameras", type=int, choices=(2, 4), default=2, help="of data that is made")
    options = parser.parse_args()
    optimize, fitting = (
        dict(item.split("=", 1) for item in items) for items in (options.set, options.fit)
    )
    places = [(options.results, options.truth)]
    if options.seeds:
        runs = (make(options.cameras, seed, options.clothes) for seed in options.seeds)
        places = [(ROOT / "results" / run, ROOT / "data" / run / "truth") for run in runs]
    for results, truth in places:
        print(f"{results}, {options.rounds} rounds", flush=True)
        run = Run(results, truth, alone=options.alone, every=options.every)
        run.rounds(options.rounds, optimize, fit_settings(**fitting), held_out=options.held_out)


if __name__ == "__main__":
    main()
