"""The two sides of a comparison, predictions and truth, each as joints, meshes or bodies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jointreg.body.joints import BATCH, regressed_joints
from jointreg.body.model import Body
from jointreg.config.joint_sets import JointSet
from jointreg.errors import ConfigError, DataError
from jointreg.evaluation.presets import OWN
from jointreg.exchange.placement import require_own_mesh
from jointreg.exchange.regressor_files import load_regressor
from jointreg.predictions.vertices import mesh_name
from jointreg.skeleton import H36M_17, SMPL_24

if TYPE_CHECKING:
    from scipy.sparse import csr_array

KINDS = ("joints", "vertices", "rotations")
"""Keys by which the content of a side is recognised: joints, meshes or bodies."""


@dataclass(frozen=True)
class Side:
    """Joints (N, J, 3), vertices (N, V, 3), or rotations (N, 24, 3, 3) and betas (N, B). Metres."""

    where: str
    """Names the file in errors."""
    content: Mapping[str, np.ndarray]
    body: Body | None = None
    """Poses the bodies; of meshes only if it has their faces."""
    mesh_map: "csr_array | None" = None
    """(W, V): the vertices that regressors read and that are compared, from those of its own meshes."""

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return next(kind for kind in KINDS if kind in self.content)

    @property
    def n_vertices(self) -> int:
        """Vertices of its meshes, after its map; 0 for joints."""
        if self.kind == "joints":
            return 0
        if self.mesh_map is not None:
            return int(self.mesh_map.shape[0])
        return self._own_vertices

    @property
    def _own_vertices(self) -> int:
        if self.kind == "vertices":
            return int(self.content["vertices"].shape[1])
        return 0 if self.body is None else self.body.n_vertices

    @property
    def topology(self) -> str:
        """Hash of the faces; empty where they are not known."""
        return "" if self.body is None or self.mesh_map is not None else self.body.topology_hash

    def require_map(self) -> None:
        """Refuse a map of other meshes than its own, or of joints.

        Raises:
            DataError: the map fits no mesh of this side.
        """
        if self.mesh_map is None:
            return
        if self.kind == "joints":
            raise DataError(f"{self.where} has joints, and a map of meshes is given", "leave it out")
        if self.mesh_map.shape[1] != self._own_vertices:
            raise DataError(
                f"the map is from {mesh_name(self.mesh_map.shape[1])} to "
                f"{mesh_name(self.mesh_map.shape[0])}, {self.where} has meshes of "
                f"{mesh_name(self._own_vertices)}",
                "give the map from those meshes: (vertices of the other side, vertices of this one)",
            )

    def joints(self, regressors: Mapping[str, np.ndarray]) -> np.ndarray:
        """Joints by every regressor, (R, N, J, 3) metres, float64; of joints themselves (1, N, J, 3).

        Args:
            regressors: name -> weights (J, V), all of one shape.

        Raises:
            DataError: a regressor or a map of another mesh, or no regressor for meshes and bodies.
        """
        if self.kind == "joints":
            return self.content["joints"][None].astype(np.float64)
        mapped = self.mesh_map is not None
        for name, weights in regressors.items():
            if weights.shape[1] != self.n_vertices:
                raise DataError(
                    f"regressor {name} is for {mesh_name(weights.shape[1])}, {self.where} has meshes of "
                    f"{mesh_name(self.n_vertices)}" + (", through its map" if mapped else ""),
                    "give the map to the regressor's mesh"
                    if mapped
                    else "give the regressor of that mesh: jointreg transfer moves one to another mesh",
                )
        if not regressors:
            raise DataError(
                f"{self.where} has no joints, and there is no regressor to read them from its meshes",
                "name one with --regressor (--truth-regressor for the truth)",
            )
        if self.mesh_map is not None:  # the regressor of its own meshes, which gives the same joints
            regressors = {name: weights @ self.mesh_map for name, weights in regressors.items()}
        if self.body is not None and self.kind == "rotations":
            pose = self.content["rotations"], self.content["betas"]
            return regressed_joints(self.body, *pose, regressors)
        stacked = np.stack([np.asarray(weights, np.float64) for weights in regressors.values()])
        if self.body is None or mapped:  # else the body's faces have shown its mesh
            first = next(self._own_meshes())[0].astype(np.float64)
            by = ", through the map," if mapped else ""
            for name, weights in zip(regressors, stacked, strict=True):
                require_own_mesh(weights, first, f"regressor {name}{by}", f"the meshes of {self.where}")
        used = np.flatnonzero(stacked.any(axis=(0, 1)))
        read = stacked[:, :, used]
        parts = [
            np.einsum("rjv,nvc->rnjc", read, meshes[:, used].astype(np.float64), optimize=True)
            for meshes in self._own_meshes()
        ]
        return np.concatenate(parts, axis=1)

    def meshes(self) -> Iterator[np.ndarray]:
        """Its meshes in parts, after its map, (n, V, 3) metres; there are none of joints."""
        for part in self._own_meshes():
            mapped = self.mesh_map
            yield part if mapped is None else np.stack([mapped @ mesh.astype(float) for mesh in part])

    def _own_meshes(self) -> Iterator[np.ndarray]:
        if self.kind == "vertices":
            whole = self.content["vertices"]
            yield from (whole[start : start + BATCH] for start in range(0, len(whole), BATCH))
        elif self.kind == "rotations" and self.body is not None:
            rotations, betas = self.content["rotations"], self.content["betas"]
            for start in range(0, len(rotations), BATCH):
                part = slice(start, start + BATCH)
                yield self.body.vertices(rotations[part], betas[part])


def read_regressors(
    names: Sequence[str],
    body: Body | None,
    joints: JointSet,
    named: JointSet | None = None,
    note: Callable[[str], None] = print,
) -> dict[str, np.ndarray]:
    """Regressors by the names of their files, rows in the order of a joint set.

    Args:
        names: files; or `own`, the matrix in the body model's file.
        body: of the meshes that they read; None skips the checks on one.
        joints: the joint set of the protocol.
        named: the joint set of the files' rows, where the user names it.
        note: is told what is changed or assumed.

    Returns:
        Name -> weights (J, V), float64.

    Raises:
        ConfigError: a file twice, or `own` for another joint set or without a body.
        DataError: as `exchange.regressor_files.load_regressor`.
    """
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"regressor {twice[0]} is named twice", "name every regressor once")
    of_set = None if named is None and joints.joints == H36M_17 else named or joints
    return {
        name: _own(body, joints)
        if name == OWN
        else load_regressor(name, body, joints=of_set, note=note).weights
        for name in names
    }


def _own(body: Body | None, joints: JointSet) -> np.ndarray:
    """The matrix of SMPL's skeleton, (24, V) float64."""
    if body is None or joints.joints != SMPL_24:
        raise ConfigError(
            f"regressor {OWN} is the matrix of SMPL's 24 joints in a body model's file; the joints are "
            f"{joints.title}" + ("" if body else ", and there is no body"),
            "give --joints smpl_24 and a --body, or name a regressor's file",
        )
    return body.joint_regressor.astype(np.float64)
