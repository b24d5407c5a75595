"""Rounds of refinement and fit on samples in memory: of `recommended`, or of another variant."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scene import ROOT

from jointreg.body import Body
from jointreg.config import FitRegressor, Optimize, read_yaml
from jointreg.exchange.regressor import Regressor
from jointreg.labels.offsets import without_mean
from jointreg.refine import Sample, refine_sample
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.energies import balance_energies
from jointreg.refine.losses import EnergyWeights
from jointreg.regressor import fit
from jointreg.stores import Record

CONFIG = read_yaml(ROOT / "config" / "config.yaml")
Bodies = dict[str, np.ndarray]


RECOMMENDED = ("recommended_start", "recommended")
"""Variants of the first round and of each further one."""
ADAM: tuple[dict[str, object], dict[str, object]] = (
    {"solver": "adam", "start": "bodies", "iterations": 100},
    {"solver": "adam", "iterations": 100, "learning_rate": 5e-3},
)
"""Keys that differ where Adam refines `recommended`, of the first round and of each further one."""


@dataclass(frozen=True)
class Round:
    """What one round gives."""

    bodies: dict[str, Bodies]
    """Refined, by subject."""
    regressor: Regressor
    """J_opt."""
    start: np.ndarray
    """The regressor in E_joint, (17, V)."""
    silhouette_px: float
    """Mean silhouette energy of the refined bodies."""
    cost_s: float
    """CPU time of the refinement."""
    thickness: dict[str, np.ndarray]
    """Of the shells, metres by part, of each subject; empty without shells."""
    amplifies: dict[str, str]
    """Why a subject keeps its start."""


def fit_settings(**changes: object) -> FitRegressor:
    """Those of J_opt of `recommended`, with some keys changed."""
    block = CONFIG["fit_regressor"]
    shared = {key: block[key] for key in FitRegressor.model_fields}
    return FitRegressor(**shared | block["variants"]["recommended"] | changes)


def sequences(
    bodies: Mapping[str, Bodies], samples: Mapping[str, Sample]
) -> list[tuple[Record, Record]]:
    """Bodies and labels of each subject, as `fit` takes them."""
    return [
        (Record(own, {"rows": name}), Record({"joints_cam": samples[name].joints_cam}, {"rows": name}))
        for name, own in bodies.items()
    ]


def beginning(body: Body, samples: Mapping[str, Sample]) -> tuple[np.ndarray, EnergyWeights]:
    """J_spin, fitted to the initial bodies, (17, V), and the weights that balance their energies."""
    first = {name: dict(sample.bodies) for name, sample in samples.items()}
    plain = fit_settings(symmetric=False)
    spin = fit(body, sequences(first, samples), plain).weights
    return spin, balance_energies(body, Sample.joined(list(samples.values())), spin)


def rounds(
    body: Body,
    samples: Mapping[str, Sample],
    regressor: np.ndarray,
    weights: EnergyWeights,
    count: int,
    settings: FitRegressor,
    variants: tuple[str, ...] = RECOMMENDED,
    solver: str = "lm",
    discriminator: Discriminator | None = None,
    **changes: object,
) -> Iterator[Round]:
    """Refine all subjects and fit J_opt, `count` times.

    Args:
        body: the body model.
        samples: of the training subjects, by name.
        regressor: J_spin, (17, V).
        weights: of the energies.
        count: number of rounds; the third goes on from the second as the second from the first.
        settings: of the fits.
        variants: of the first round, and of each further one.
        solver: `adam` changes those of `recommended`; other variants have their own.
        discriminator: of a variant that has one.
        changes: keys of `optimize` that differ.
    """
    bodies: dict[str, Bodies] = {}
    offsets: dict[str, np.ndarray] = {}
    thickness: dict[str, np.ndarray] = {}
    for number in range(count):
        which = min(number, len(variants) - 1)
        variant = CONFIG["variant_settings"][variants[which]]
        if solver == "adam" and variants == RECOMMENDED:
            variant = variant | ADAM[which]
        optimize = Optimize(**CONFIG["optimize"] | variant | {"store_every": 1000} | changes)
        begin, energies, start = time.process_time(), [], regressor
        renewed: dict[str, np.ndarray] = {}
        amplifies: dict[str, str] = {}
        for name, sample in samples.items():
            refined = refine_sample(
                body,
                replace(sample, bodies=bodies[name]) if number else sample,
                start,
                settings=optimize,
                weights=weights,
                discriminator=discriminator,
                offsets=without_mean(offsets[name], offsets.values()) if offsets else None,
                thickness=thickness.get(name),
            )
            bodies = bodies | {name: refined.bodies()}
            energies.append(refined.energies[:, -1, 1].mean())
            if refined.offsets is not None:
                renewed[name] = refined.offsets
            if refined.thickness is not None:
                thickness = thickness | {name: refined.thickness}
            if refined.amplifies:
                amplifies[name] = refined.amplifies
        cost, offsets = time.process_time() - begin, renewed
        fitted = fit(body, sequences(bodies, samples), settings)
        regressor = fitted.weights
        yield Round(bodies, fitted, start, float(np.mean(energies)), cost, thickness, amplifies)
