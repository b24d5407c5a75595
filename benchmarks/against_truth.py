"""Bodies and regressors of rounds on samples in memory, measured against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rounds import Bodies, rounds

from jointreg import metrics
from jointreg.body import Body
from jointreg.config import FitRegressor
from jointreg.diagnosis.true_bodies import TrueBodies, t_pose
from jointreg.geometry.volume import volume
from jointreg.labels.offsets import limb_frames
from jointreg.refine import Sample
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.shell import PARTS

NAMES = ("rotations", "betas", "translation")


@dataclass(frozen=True)
class Truth:
    """True bodies, by subject, and the true regressor."""

    body: Body
    regressor: np.ndarray
    """(17, V)."""
    training: Mapping[str, TrueBodies]
    unseen: Mapping[str, TrueBodies]
    """Of subjects that no regressor is fitted to."""

    def follow(
        self,
        samples: Mapping[str, Sample],
        spin: np.ndarray,
        weights: EnergyWeights,
        count: int,
        settings: FitRegressor,
        solver: str = "lm",
        *,
        held_out: bool,
        **changes: object,
    ) -> list[float]:
        """Refine and fit `count` times, and print; arguments as of `rounds.rounds`.

        Returns:
            Error of J_opt on the unseen bodies after each round, mm.
        """
        errors = []
        inputs = samples, spin, weights, count, settings
        each_round = rounds(self.body, *inputs, solver=solver, **changes)
        for number, each in enumerate(each_round, start=1):
            weights_opt = each.regressor.weights
            text = self._describe(each.bodies, weights_opt, held_out)
            if each.thickness:
                shell = 1e3 * np.mean(list(each.thickness.values()), axis=0)
                text += "  shell " + ", ".join(
                    f"{part} {mm:.1f}" for part, mm in zip(PARTS, shell, strict=True)
                )
            print(f"round {number}: {text}  {each.cost_s:.0f} s", flush=True)
            for subject, reason in each.amplifies.items():
                print(f"  {subject} keeps its start: {reason}", flush=True)
            errors.append(self.of_regressor(self.unseen, weights_opt)[:, 0].mean())
        return errors

    def of_bodies(self, bodies: Mapping[str, Bodies]) -> np.ndarray:
        """Errors of refined bodies, a row a subject.

        Returns:
            (S, 4): vertices, vertices moved to their means, shape in T-pose moved likewise, mm; volume
            over the true one.
        """
        rows = []
        for subject, refined in bodies.items():
            truth = self.training[subject]
            ours, shape = self._posed(refined), t_pose(self.body, refined["betas"])
            true, true_shape = truth.vertices(self.body), truth.t_pose(self.body)
            errors = (
                metrics.vertex_error(ours, true),
                metrics.vertex_error(ours, true, centred=True),
                metrics.vertex_error(shape, true_shape, centred=True),
            )
            grown = volume(shape, self.body.faces) / volume(true_shape, self.body.faces)
            rows.append([*(1e3 * error.mean() for error in errors), grown.mean()])
        return np.array(rows)

    def of_regressor(self, bodies: Mapping[str, TrueBodies], regressor: np.ndarray) -> np.ndarray:
        """Errors of a regressor on true bodies, a row a subject.

        Returns:
            (S, 2): distance of its joints, and that after the pelves are moved together, mm.
        """
        errors = []
        for values in bodies.values():
            apart = (regressor - self.regressor) @ values.vertices(self.body).astype(np.float64)
            rooted = apart - apart[:, :1]
            errors.append([1e3 * np.linalg.norm(part, axis=2).mean() for part in (apart, rooted)])
        return np.array(errors)

    def _describe(self, bodies: Mapping[str, Bodies], regressor: np.ndarray, held_out: bool) -> str:
        """The errors of bodies and regressor, in words."""
        bias = []
        for subject, refined in bodies.items():
            apart = self._posed(refined) - self.training[subject].vertices(self.body)
            limbs = limb_frames(self.body, refined["rotations"], refined["betas"])
            bias.append(np.einsum("njac,nja->jc", limbs, self.regressor @ apart) / len(apart))
        vertices, centred, shape, _ = self.of_bodies(bodies).mean(axis=0)
        common = 1e3 * np.linalg.norm(np.mean(bias, axis=0), axis=-1).mean()
        text = f"vertices {vertices:5.2f} / {centred:5.2f}  shape {shape:4.2f}  limbs {common:4.2f}"
        text += f"  J_opt, training {self._on(self.training, regressor)}"
        return text + f"  held out {self._on(self.unseen, regressor)}" * held_out

    def _on(self, bodies: Mapping[str, TrueBodies], regressor: np.ndarray) -> str:
        errors = self.of_regressor(bodies, regressor)
        absolute, rooted = errors.mean(axis=0)
        return f"{absolute:.2f} ({errors[:, 0].min():.2f} to {errors[:, 0].max():.2f}) / {rooted:.2f}"

    def _posed(self, bodies: Bodies) -> np.ndarray:
        return self.body.vertices(*(bodies[name] for name in NAMES))
