"""The type of a joint regressor."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jointreg.errors import ShapeError
from jointreg.skeleton import H36M_17


@dataclass(frozen=True)
class Regressor:
    """A joint regressor and the names of its rows."""

    weights: np.ndarray
    """Shape (J, V), float64, dimensionless."""
    joint_names: tuple[str, ...] = H36M_17
    about: dict[str, Any] = field(default_factory=dict)
    """Plain facts: `topology_hash` of its mesh; frames and residuals of the fit that made it."""

    def apply(self, vertices: np.ndarray) -> np.ndarray:
        """Joints of posed meshes, (..., V, 3) -> (..., J, 3), in the unit and frame of the vertices.

        Raises:
            ShapeError: the mesh has another number of vertices.
        """
        if vertices.ndim < 2 or vertices.shape[-2] != self.weights.shape[1]:
            raise ShapeError(
                f"vertices have shape {vertices.shape}, expected (..., {self.weights.shape[1]}, 3)"
            )
        support = np.flatnonzero(self.weights.any(axis=0))
        return np.matmul(self.weights[:, support], vertices[..., support, :])
