"""When does it help to refit the regressor on refined bodies? `python benchmarks/what_survives.py`.

Films with exact masks (benchmarks/film.py) of worlds that real recordings resemble: people of no shape
space, joints where Human3.6M's are, clothes, labels that move, furniture that hides, and all of it. In
each world five people are refined by several variants, from the bodies of `sim_spin`. Two others are
left out. `--seeds` are draws of everything: motion, label offsets, outfits, estimator. One discriminator
is trained, that of `full`; `no_silhouette` uses it too, where the workflow trains another.

A row is printed, and added to `--table`, as soon as it is measured: mm, of the regressor on true bodies
of the people left out (mean over 17 joints, absolute and moved to the pelvis), and of the bodies of the
five (vertices moved to their means, shape in T-pose, volume over the true one). `--print` makes tables
of a file: mean over seeds, with 95 % intervals where there are several.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from against_truth import Truth
from clothes import BETWEEN_S, HELD_OUT, TRAINING
from film import Person, film
from rounds import CONFIG, Round, beginning, fit_settings, rounds
from scene import ROOT
from scipy import stats

from jointreg.body import Body
from jointreg.config import Optimize, TrainDiscriminator, read_yaml
from jointreg.refine import Sample
from jointreg.refine.adversarial import train_discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.synthetic.parameters import SIMPLEST, load_parameters, with_joints
from jointreg.synthetic.standard_regressor import standard_regressor

REAL = {
    "joints": "human36m",
    "people": "free",
    "clothes": "loose",
    "markers": "moving",
    "furniture": "desks",
}
WORLDS: dict[str, dict[str, str]] = {
    "simplest": {},
    "all, loose": REAL,
    "loose clothes": {"clothes": "loose"},
    "free people": {"people": "free"},
    "furniture": {"furniture": "desks"},
    "all, tight": REAL | {"clothes": "tight"},
    "tight clothes": {"clothes": "tight"},
    "joints of Human3.6M": {"joints": "human36m"},
    "moving labels": {"markers": "moving"},
}
DRESSED = read_yaml(ROOT / "config/open_real.yaml")["variant_settings"]["recommended"]
PRIOR = {"shape_prior": DRESSED["shape_prior"]}
ADVERSARIAL = ("full", "no_silhouette")
MULTIVIEW = "multiview, no discriminator"
PAPER = ("full", "no_discriminator", "no_silhouette", MULTIVIEW)
"""Variants of one round."""
REMEDIES: dict[str, dict[str, object]] = {
    "shell": DRESSED,
    "prior": PRIOR,
    "adam": {},
    "adam, shell": DRESSED,
    "adam, one-sided": PRIOR | {"uncovered": 0.2},
    "adam, robust": PRIOR | {"robust_px": 4.0},
}
"""Keys of `optimize` that differ from `recommended`; Levenberg-Marquardt knows no other masks."""
VALUES = ("absolute", "rooted", "vertices", "shape", "volume")


def results(
    body: Body,
    samples: dict[str, Sample],
    spin: np.ndarray,
    weights: EnergyWeights,
    seed: int,
    variants: list[str],
) -> Iterator[tuple[str, Round]]:
    """Each variant's name with what it gives; the rounds of one with two are numbered."""
    inputs = body, samples, spin, weights
    adversary = None
    if {*ADVERSARIAL} & {*variants}:
        training = TrainDiscriminator(**CONFIG["train_discriminator"] | {"max_rounds": 3, "steps": 100})
        adversary = train_discriminator(
            body,
            Sample.joined(list(samples.values())),
            spin,
            settings=training,
            optimize=Optimize(**CONFIG["optimize"]),
            generator=np.random.default_rng(seed),
            weights=weights,
        ).discriminator
    for name in variants:
        if name in PAPER:
            which = adversary if name in ADVERSARIAL else None
            variant, changes = (name, {}) if name != MULTIVIEW else ("multiview", {"adversarial": 0.0})
            plain = fit_settings(symmetric=False)
            (only,) = rounds(*inputs, 1, plain, variants=(variant,), discriminator=which, **changes)
            yield name, only
            continue
        solver = "adam" if name.startswith("adam") else "lm"
        each_round = rounds(*inputs, 2, fit_settings(), solver=solver, **REMEDIES.get(name, {}))
        for number, each in enumerate(each_round, start=1):
            yield f"{name}, round {number}", each


def measure(world: str, seed: int, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Film, refine, and compare with the truth; a row for each regressor."""
    kinds = SIMPLEST.model_copy(update=WORLDS[world])
    body, regressor, people = film(
        (*TRAINING, *HELD_OUT),
        cameras=options.cameras,
        moments=options.moments,
        seed=seed,
        estimator="sim_spin",
        between_s=BETWEEN_S,
        kinds=kinds,
    )
    samples = {name: people[name].sample for name in TRAINING}
    truth = Truth(body, regressor, *(_truth(people, who) for who in (TRAINING, HELD_OUT)))
    parameters = with_joints(load_parameters(ROOT / "config/generator.yaml"), kinds.joints)
    std = standard_regressor(body, regressor, parameters, np.random.default_rng(seed))
    spin, weights = beginning(body, samples)
    initial = truth.of_bodies({name: dict(sample.bodies) for name, sample in samples.items()})
    for name, weights_read in (("J_std", std), ("J_spin", spin)):
        errors = truth.of_regressor(truth.unseen, weights_read).mean(axis=0)
        of_bodies = initial.mean(axis=0)[1:] if name == "J_spin" else [np.nan] * 3
        yield {"regressor": name} | dict(zip(VALUES, [*errors, *of_bodies], strict=True))
    for name, each in results(body, samples, spin, weights, seed, options.variants):
        errors = truth.of_regressor(truth.unseen, each.regressor.weights).mean(axis=0)
        of_bodies = truth.of_bodies(each.bodies).mean(axis=0)[1:]
        row = dict(zip(VALUES, [*errors, *of_bodies], strict=True))
        yield {"regressor": name} | row | {"keep_start": len(each.amplifies)}


def _truth(people: dict[str, Person], who: tuple[str, ...]) -> dict:
    return {name: people[name].truth for name in who}


def tables(rows: pd.DataFrame) -> Iterator[str]:
    """One table of Markdown for each value: a row a world, a column a regressor. Later rows count."""
    once = rows.drop_duplicates(["world", "seed", "regressor"], keep="last")
    for value in VALUES:
        measured = once.dropna(subset=[value])
        names = list(dict.fromkeys(rows.dropna(subset=[value])["regressor"]))
        yield f"\n{value}\n\n| | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}"
        for world in dict.fromkeys(measured["world"]):
            of_world = measured[measured["world"] == world].groupby("regressor")[value]
            groups = dict(iter(of_world))
            cells = [interval(groups[name].to_numpy()) if name in groups else "-" for name in names]
            yield f"| {world} | {' | '.join(cells)} |"


def interval(values: np.ndarray) -> str:
    """Mean, with the 95 % interval of Student's t where there are several."""
    mean, digits = values.mean(), 2 if values.mean() < 2 else 1
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{mean:.{digits}f} [{mean - half:.{digits}f}, {mean + half:.{digits}f}]"


def main() -> None:
    """Measure, or print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--cameras", type=int, choices=(1, 2, 3, 4), default=2)
    parser.add_argument("--moments", type=int, default=2, help="of each of three actions")
    variants = [*PAPER, "recommended", *REMEDIES]
    parser.add_argument("--variants", nargs="+", choices=variants, default=variants, metavar="NAME")
    parser.add_argument("--table", type=Path, default=ROOT / "build/what_survives.csv")
    parser.add_argument("--print", action="store_true", help="tables of the file, nothing measured")
    options = parser.parse_args()
    if options.print:
        print("\n".join(tables(pd.read_csv(options.table))))
        return
    options.table.parent.mkdir(exist_ok=True)
    for seed in options.seeds:
        for world in options.worlds:
            for row in measure(world, seed, options):
                columns = {"world": world, "seed": seed, "keep_start": 0} | row
                table = pd.DataFrame([columns])
                print(table.to_csv(header=False, index=False), end="", flush=True)
                table.to_csv(options.table, mode="a", header=not options.table.exists(), index=False)


if __name__ == "__main__":
    main()
