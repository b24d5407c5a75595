"""Refined bodies, with what was fitted beside them and how their energies fell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import stores
from jointreg.refine.losses import TERMS


@dataclass(frozen=True)
class Refined:
    """Refined bodies and how their energies fell. N frames, S stored iterations."""

    rotations: np.ndarray
    """(N, 24, 3, 3)."""
    betas: np.ndarray
    """(N, B)."""
    translation: np.ndarray
    """Metres, camera frame, (N, 3)."""
    iterations: np.ndarray
    """Number of steps before each stored energy; last: all of them; (S,) int32."""
    energies: np.ndarray
    """In the order of `refine.losses.TERMS`: joint (m^2), silhouette (px), adversarial (1), keypoints
    (px^2), unweighted; 0 where a term is off or a frame has no mask; (N, S, T)."""
    offsets: np.ndarray | None = None
    """Label offsets of the subject in the frames of its limbs, metres, (17, 3); None without."""
    thickness: np.ndarray | None = None
    """Of the subject's clothes, metres, in the order of `refine.shell.PARTS`, (P,); None without."""
    amplifies: str = ""
    """Why a further round ends with its start (`refine.rounds`); empty where it does not."""

    @classmethod
    def of(
        cls,
        bodies: Mapping[str, np.ndarray],
        iterations: list[int],
        energies: np.ndarray,
        offsets: np.ndarray | None = None,
        thickness: np.ndarray | None = None,
    ) -> "Refined":
        """The result with these bodies, arrays of `stores.BODIES`; the others as the fields."""
        rotations, betas, translation = (bodies[name] for name in ("rotations", "betas", "translation"))
        steps = np.array(iterations, dtype=np.int32)
        return cls(rotations, betas, translation, steps, energies, offsets, thickness)

    def bodies(self) -> dict[str, np.ndarray]:
        """The arrays of `stores.BODIES`."""
        return {name: getattr(self, name) for name in ("rotations", "betas", "translation")}

    def write(
        self,
        bodies: str | Path,
        energies: str | Path,
        facts: Mapping[str, Any],
        method: str,
        provenance: Mapping[str, Any],
    ) -> None:
        """Write `stores.BODIES` and `stores.ENERGIES`.

        Args:
            bodies, energies: the stores.
            facts: of both, `rows` among them.
            method: name of the variant.
            provenance: record of the job.
        """
        of_bodies, of_energies = {"method": method}, {"terms": list(TERMS)}
        stores.BODIES.write(bodies, self.bodies(), attrs={**facts, **of_bodies}, provenance=provenance)
        curves = {"iteration": self.iterations, "energies": self.energies}
        stores.ENERGIES.write(energies, curves, attrs={**facts, **of_energies}, provenance=provenance)
