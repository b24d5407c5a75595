"""What clothes cost J_opt, and what a shell brings: `python benchmarks/clothes.py --clothes 0 18 36`.

Needs no data: the people of the open data set are filmed with exact masks (benchmarks/film.py), bare or
in clothes of even thickness on trunk, arms and legs. Five people are refined as `recommended` does, in
as many rounds as asked, from the bodies of the simulated estimator `sim_spin`. `--set shell=subject
shape_prior=0.001` refines with a shell. `--solvers adam lm` compares the solvers
on the same films, with the CPU time of each round.

Printed after each round, mm: errors of the bodies (vertices, vertices moved to their means, shape in
T-pose, joints in the frames of the limbs); the error of J_opt on true bodies, mean over 17 joints,
absolute (least to largest of a subject) / moved to the pelvis, of the five people and of the two that no
regressor was fitted to; the mean thickness of the shells; who keeps the start. In the end: the absolute
error on the people held out, mean (least to largest) over seeds.
"""

import argparse
import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
from against_truth import Truth
from film import even_outfit, film
from rounds import beginning, fit_settings

TRAINING, HELD_OUT = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")
BETWEEN_S = 1.6
"""Moments lie far apart, so that few frames show many poses."""


def errors_mm(clothes_mm: float, seed: int, options: argparse.Namespace) -> list[list[float]]:
    """Film, refine and print; the error on the people held out, mm, by solver and round."""
    body, regressor, people = film(
        (*TRAINING, *HELD_OUT),
        cameras=options.cameras,
        moments=options.moments,
        seed=seed,
        outfit=even_outfit(clothes_mm / 1000) if clothes_mm else None,
        estimator="sim_spin",
        between_s=BETWEEN_S,
    )
    samples = {name: people[name].sample for name in TRAINING}
    spin, weights = beginning(body, samples)
    training, unseen = ({name: people[name].truth for name in who} for who in (TRAINING, HELD_OUT))
    frames = sum(map(len, samples.values()))
    print(f"clothes {clothes_mm:g} mm, seed {seed}, {options.cameras} cameras, {frames} frames")
    changes = dict(item.split("=", 1) for item in options.set)
    truth, errors = Truth(body, regressor, training, unseen), []
    for solver in options.solvers:
        print(solver)
        inputs = samples, spin, weights, options.rounds, fit_settings()
        errors.append(truth.follow(*inputs, held_out=True, solver=solver, **changes))
    return errors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clothes", nargs="+", type=float, default=[0, 18, 36], metavar="MM")
    parser.add_argument("--cameras", type=int, choices=(1, 2, 3, 4), default=2)
    parser.add_argument("--moments", type=int, default=2, help="of each of three actions")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--solvers", nargs="+", choices=("adam", "lm"), default=["lm"])
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="keys of optimize that differ"
    )
    options = parser.parse_args()
    for clothes_mm in options.clothes:
        errors = np.array([errors_mm(clothes_mm, seed, options) for seed in options.seeds])
        for solver, rows in zip(options.solvers, errors.transpose(1, 2, 0), strict=True):
            for number, row in enumerate(rows, start=1):
                spread = f"{row.mean():.2f} ({row.min():.2f} to {row.max():.2f})"
                what = f"clothes {clothes_mm:g} mm, {solver} {options.set}, round {number}"
                print(f"{what}: {spread}", flush=True)


if __name__ == "__main__":
    main()
