"""A joint regressor as a differentiable layer, at the cost of the vertices that it reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import INSTALL, DataError, ShapeError

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"jointreg.torch needs torch: {INSTALL.format('networks')}", name="torch"
    ) from error

from jointreg.exchange.matrix_files import read_matrix
from jointreg.exchange.regressor import Regressor


class JointRegressor(torch.nn.Module):
    """Joints of posed meshes: `regressor(vertices)` is `J @ vertices`.

    Only the vertices with a weight are read, 101 of 6890 for `J_regressor_h36m.npy`. Half-precision
    vertices are multiplied and summed in float32, under autocast as well. The weights are a buffer: they
    are saved in the state dict, move with `.to()` and are not trained; `.half()` leaves them float32.

    Args:
        source: a regressor file of any joint set, whose rows are taken as they stand in it, signs and
            sums included; or a `Regressor`, such as the checked one of `load_regressor`.
        dtype: of the weights, float32 or float64. Joints have the wider of it and the vertices' dtype.

    Raises:
        DataError: no readable file, an entry that is not finite, or another dtype.
    """

    vertices: torch.Tensor
    """Vertices that are read, (S,) int64, sorted."""
    weights: torch.Tensor
    """(J, S)."""

    def __init__(self, source: str | Path | Regressor, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        if dtype not in (torch.float32, torch.float64):
            raise DataError(f"dtype is {dtype}, expected torch.float32 or torch.float64", "leave it out")
        if isinstance(source, Regressor):
            matrix: np.ndarray = source.weights
        else:
            matrix = read_matrix(source)[0]
        if not np.isfinite(matrix).all():
            raise DataError(f"{source!s:.200} holds NaN or infinity", "take the file from its source")
        vertices = np.flatnonzero(matrix.any(axis=0))
        self.n_vertices = matrix.shape[1]
        """Vertices of the mesh."""
        self.register_buffer("vertices", torch.from_numpy(vertices))
        self.register_buffer("weights", torch.from_numpy(matrix[:, vertices]).to(dtype))

    def forward(self, vertices: torch.Tensor) -> torch.Tensor:
        """Joints of whole meshes.

        Args:
            vertices: (..., V, 3), in any unit and frame.

        Returns:
            (..., J, 3), in theirs; float32 or wider.

        Raises:
            ShapeError: the mesh has another number of vertices, or its points other than 3 coordinates.
        """
        self._require(vertices, self.n_vertices)
        return self.of_read(vertices.index_select(-2, self.vertices))

    def of_read(self, vertices: torch.Tensor) -> torch.Tensor:
        """Joints from the vertices that are read, in the order of `vertices`, where no others are posed.

        Args:
            vertices: (..., S, 3).

        Raises:
            ShapeError: another number of vertices.
        """
        self._require(vertices, len(self.vertices))
        kind = torch.promote_types(vertices.dtype, self.weights.dtype)
        with torch.autocast(vertices.device.type, enabled=False):
            # One product for all meshes: matmul would make one for each, three times as slow.
            joints = torch.tensordot(self.weights.to(kind), vertices.to(kind), ([1], [-2]))
        return joints.movedim(0, -2).contiguous()

    def _require(self, vertices: torch.Tensor, count: int) -> None:
        if vertices.ndim < 2 or vertices.shape[-2:] != (count, 3):
            raise ShapeError(f"vertices have shape {tuple(vertices.shape)}, expected (..., {count}, 3)")

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "JointRegressor":
        """Move or cast the buffers as every module does, but keep the weights at least float32."""
        before = self.weights
        super()._apply(fn, recurse)
        if self.weights.dtype in (torch.float16, torch.bfloat16):
            self.weights = before.to(self.weights.device)
        return self

    def extra_repr(self) -> str:
        """Sizes, as `print(module)` shows them."""
        joints, read = self.weights.shape
        return f"{joints} joints, {read} of {self.n_vertices} vertices"
