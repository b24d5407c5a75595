"""The rounds of `recommended` on samples in memory, measured against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rounds import Bodies, rounds

from jointreg import metrics
from jointreg.body import Body
from jointreg.config import FitRegressor
from jointreg.diagnosis.true_bodies import t_pose
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
    training: Mapping[str, Bodies]
    unseen: Mapping[str, Bodies]
    """Of subjects that no regressor is fitted to."""

    def follow(
        self,
        samples: Mapping[str, Sample],
        spin: np.ndarray,
        weights: EnergyWeights,
        count: int,
        settings: FitRegressor,
        *,
        held_out: bool,
        **changes: object,
    ) -> list[float]:
        """Refine and fit `count` times, and print; arguments as of `rounds.rounds`.

        Returns:
            Error of J_opt on the unseen bodies after each round, mm.
        """
        errors = []
        each_round = rounds(self.body, samples, spin, weights, count, settings, **changes)
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
            errors.append(self._errors(self.unseen, weights_opt)[:, 0].mean())
        return errors

    def _describe(self, bodies: Mapping[str, Bodies], regressor: np.ndarray, held_out: bool) -> str:
        """The errors of bodies and regressor, in words."""
        errors, bias = [], []
        for subject, refined in bodies.items():
            truth = self.training[subject]
            (ours, shape), (true, true_shape) = self._meshes(refined), self._meshes(truth)
            errors.append(
                [
                    metrics.vertex_error(ours, true).mean(),
                    metrics.vertex_error(ours, true, centred=True).mean(),
                    metrics.vertex_error(shape, true_shape, centred=True).mean(),
                ]
            )
            limbs = limb_frames(self.body, refined["rotations"], refined["betas"])
            bias.append(np.einsum("njac,nja->jc", limbs, self.regressor @ (ours - true)) / len(ours))
        vertices, centred, shape = 1e3 * np.mean(errors, axis=0)
        common = 1e3 * np.linalg.norm(np.mean(bias, axis=0), axis=-1).mean()
        text = f"vertices {vertices:5.2f} / {centred:5.2f}  shape {shape:4.2f}  limbs {common:4.2f}"
        text += f"  J_opt, training {self._on(self.training, regressor)}"
        return text + f"  held out {self._on(self.unseen, regressor)}" * held_out

    def _on(self, bodies: Mapping[str, Bodies], regressor: np.ndarray) -> str:
        errors = self._errors(bodies, regressor)
        absolute, rooted = errors.mean(axis=0)
        return f"{absolute:.2f} ({errors[:, 0].min():.2f} to {errors[:, 0].max():.2f}) / {rooted:.2f}"

    def _errors(self, bodies: Mapping[str, Bodies], regressor: np.ndarray) -> np.ndarray:
        """Absolute and moved to the pelvis, a row a subject, mm."""
        errors = []
        for values in bodies.values():
            apart = (regressor - self.regressor) @ self._meshes(values)[0]
            rooted = apart - apart[:, :1]
            errors.append([1e3 * np.linalg.norm(part, axis=2).mean() for part in (apart, rooted)])
        return np.array(errors)

    def _meshes(self, bodies: Bodies) -> tuple[np.ndarray, np.ndarray]:
        posed = self.body.vertices(*(bodies[name] for name in NAMES))
        return posed, t_pose(self.body, bodies["betas"])
