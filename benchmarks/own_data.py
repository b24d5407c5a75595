"""Films of own data against the truth, and which numbers see the error: `python benchmarks/own_data.py`.

Each film has three people. Two are fitted as `config/own_data.yaml` does (bodies fitted to the labels,
then the rounds of `recommended`), the third is left out. Films differ in people, cameras, motion and
label offsets; some are spoilt: by labels that hold the bodies, masks that are too wide, offsets that
are not fitted. Printed after each round, mm, mean over 17 joints: the error of J_opt on the true bodies
of the person left out; the same of a fit to the true bodies of the other two, which no refinement can
beat; what the quality table contains (docs/regressor.md); and in the end how much each number goes with
the error over all films and rounds. `--clothes 18` dresses the people in even clothes of 18 mm, `--set
shell=subject shape_prior=0.001` refines with a shell, `--solver adam` by Adam.
"""

import argparse
import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

from dataclasses import dataclass

import numpy as np
from film import even_outfit, film
from rounds import beginning, fit_settings, rounds, sequences
from scene import ROOT

from jointreg.config import FitRegressor, read_yaml
from jointreg.regressor import fit
from jointreg.regressor.identifiability import identifiability_rows
from jointreg.regressor.movement import movement_mm

PEOPLE = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
MEASURES = ("people", "moved", "silhouette")
STEPS = read_yaml(ROOT / "config/own_data.yaml")["variant_settings"]["recommended"]["iterations"]
"""Of Levenberg-Marquardt."""


@dataclass(frozen=True)
class Case:
    """One film, and how it is refined."""

    cameras: int
    changes: dict[str, object]
    """Keys of `optimize` that differ."""
    about: str
    wider_px: int = 0
    offset_m: float | None = None


CASES = (
    Case(3, {}, "three cameras"),
    Case(2, {}, "two cameras"),
    Case(3, {"joint": 10.0}, "labels weigh ten times as much"),
    Case(3, {}, "labels without offsets", offset_m=0.0),
    Case(3, {"label_offsets": "none"}, "offsets not fitted"),
    Case(1, {}, "one camera"),
    Case(3, {"joint": 40.0}, "labels weigh forty times as much"),
    Case(4, {}, "four cameras"),
    Case(3, {}, "masks 1 px too wide", wider_px=1),
)


def error_mm(regressor: np.ndarray, true: np.ndarray, vertices: np.ndarray) -> float:
    """Distance of the joints of two regressors on meshes (N, V, 3), mean over frames and joints, mm."""
    return 1e3 * float(np.linalg.norm((regressor - true) @ vertices, axis=2).mean())


def measured(
    seed: int, case: Case, options: argparse.Namespace, settings: FitRegressor
) -> list[dict[str, float]]:
    """Film, fit and measure; a row a round, mm (silhouette: px)."""
    people = np.random.default_rng(seed).choice(PEOPLE, 3, replace=False)
    *training, left_out = (str(name) for name in people)
    body, true, filmed = film(
        [*training, left_out],
        cameras=case.cameras,
        moments=options.moments,
        seed=seed,
        outfit=even_outfit(options.clothes / 1000) if options.clothes else None,
        wider_px=case.wider_px,
        offset_m=case.offset_m,
    )
    samples = {name: filmed[name].sample for name in training}

    unseen = filmed[left_out].truth.vertices(body).astype(np.float64)
    spin, weights = beginning(body, samples)
    truth = {name: vars(filmed[name].truth) for name in training}
    floor = error_mm(fit(body, sequences(truth, samples), settings).weights, true, unseen)
    before = error_mm(spin, true, unseen)
    print(f"film {seed}, {case.about}, {training} for {left_out}: J_spin {before:.1f}")
    listed = []
    own = {"iterations": STEPS} if options.solver == "lm" else {}
    changes = own | case.changes | dict(item.split("=", 1) for item in options.set)
    inputs = samples, spin, weights, options.rounds, settings
    each_round = rounds(body, *inputs, solver=options.solver, **changes)
    for number, each in enumerate(each_round, start=1):
        data = sequences(each.bodies, samples)
        weights_opt = each.regressor.weights
        rows = identifiability_rows(body, data, training, each.regressor, settings)
        row = {"people": float(np.mean([joint["people_mm"] for joint in rows]))}
        row["moved"] = float(movement_mm(body, data, weights_opt, each.start).mean())
        row |= {"silhouette": each.silhouette_px, "floor": floor}
        row["error"] = error_mm(weights_opt, true, unseen)
        listed.append(row)
        numbers = "  ".join(f"{name} {row[name]:.1f}" for name in ("error", "floor", *MEASURES))
        print(f"  round {number}: {numbers}  {each.cost_s:.0f} s", flush=True)
    return listed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=len(CASES))
    parser.add_argument("--first", type=int, default=0, help="film to begin with")
    parser.add_argument("--good", action="store_true", help="three cameras and nothing spoilt, always")
    parser.add_argument("--moments", type=int, default=4, help="of each of three actions")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--clothes", type=float, default=0.0, metavar="MM")
    parser.add_argument("--solver", choices=("lm", "adam"), default="lm")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="keys of optimize that differ"
    )
    options = parser.parse_args()
    settings, rows = fit_settings(), []
    for number in range(options.first, options.first + options.films):
        case = CASES[0 if options.good else number % len(CASES)]
        rows += measured(number, case, options, settings)
    errors = [row["error"] for row in rows]
    for name in MEASURES:
        values = [row[name] for row in rows]
        print(f"{name}: correlation with the error {np.corrcoef(values, errors)[0, 1]:.2f}")


if __name__ == "__main__":
    main()
