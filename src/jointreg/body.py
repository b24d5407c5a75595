"""The SMPL body as a function of rotations, betas and translation (NumPy; no torch).

Loader for SMPL-format files and the reference implementation of skinning. The fast, differentiable
form used by the optimisation is `jointreg.skinning`; both are checked against smplx.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015.
"""

import hashlib
import io
import pickle
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np

from jointreg.errors import DataError, ShapeError
from jointreg.skeleton import SMPL_24

MAX_BETAS = 10
"""Shape directions kept from files that hold more (official SMPL files hold up to 300)."""


@dataclass(frozen=True)
class Body:
    """One body model. V vertices, F faces, K joints (24 for SMPL), B shape directions."""

    template: np.ndarray
    """Vertices in T-pose at zero betas, metres, shape (V, 3)."""
    shape_directions: np.ndarray
    """Vertex offset of one unit of each beta, metres, shape (V, 3, B)."""
    pose_directions: np.ndarray
    """Vertex offsets of the entries of (R_k - I), k = 1..K-1, metres, shape (9 (K-1), V, 3)."""
    skinning_weights: np.ndarray
    """Rows sum to 1, shape (V, K)."""
    joint_regressor: np.ndarray
    """Skeleton joints from the shaped template, shape (K, V)."""
    parents: np.ndarray
    """Parent of each joint, -1 for the root; parents come before their children, shape (K,)."""
    faces: np.ndarray
    """Vertex indices of each triangle, shape (F, 3), int32."""
    mirror: np.ndarray | None = field(default=None)
    """Vertex on the other side of the body, shape (V,); None when the file does not say."""
    joint_names: tuple[str, ...] = SMPL_24

    @property
    def n_vertices(self) -> int:
        """Number of vertices V."""
        return len(self.template)

    @property
    def n_betas(self) -> int:
        """Number of shape directions B."""
        return self.shape_directions.shape[2]

    @cached_property
    def topology_hash(self) -> str:
        """sha256 of the faces: the identity of the mesh a regressor belongs to."""
        return hashlib.sha256(np.ascontiguousarray(self.faces, dtype=np.int32).tobytes()).hexdigest()

    @cached_property
    def _offset_matrix(self) -> np.ndarray:
        shape = self.shape_directions.transpose(2, 0, 1).reshape(self.n_betas, -1)
        pose = self.pose_directions.reshape(len(self.pose_directions), -1)
        return np.concatenate([shape, pose]).astype(np.float32)

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        """Skeleton joints in T-pose, betas (N, B) -> (N, K, 3) metres."""
        template = self.joint_regressor @ self.template
        directions = np.einsum("kv,vcb->kcb", self.joint_regressor, self.shape_directions)
        return template + np.einsum("nb,kcb->nkc", betas, directions)

    def transforms(self, rotations: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forward kinematics: global joint rotations (N, K, 3, 3) and positions (N, K, 3) metres."""
        rest = self.rest_joints(betas)
        glob = np.empty_like(rotations)
        position = np.empty_like(rest)
        glob[:, 0], position[:, 0] = rotations[:, 0], rest[:, 0]
        for joint in range(1, len(self.parents)):
            parent = self.parents[joint]
            bone = rest[:, joint] - rest[:, parent]
            glob[:, joint] = glob[:, parent] @ rotations[:, joint]
            position[:, joint] = position[:, parent] + np.einsum("nab,nb->na", glob[:, parent], bone)
        return glob, position

    def joints(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None
    ) -> np.ndarray:
        """Posed skeleton joints, (N, K, 3) metres, without skinning a vertex."""
        rotations, betas = self._checked(rotations, betas)
        position = self.transforms(rotations, betas)[1]
        return position if translation is None else position + np.asarray(translation)[:, None]

    def vertices(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None
    ) -> np.ndarray:
        """Pose the mesh by linear blend skinning.

        Args:
            rotations: global orientation and 23 relative joint rotations, (N, K, 3, 3).
            betas: shape coefficients, (N, B).
            translation: added to every vertex, metres, (N, 3); None for zero.

        Returns:
            (N, V, 3) metres, float32, in the frame of the global orientation and translation.

        Raises:
            ShapeError: an array does not fit this body.
        """
        rotations, betas = self._checked(rotations, betas)
        count = len(rotations)
        glob, position = self.transforms(rotations, betas)
        offset = position - np.einsum("nkab,nkb->nka", glob, self.rest_joints(betas))
        pose = (rotations[:, 1:] - np.eye(3, dtype=rotations.dtype)).reshape(count, -1)
        coefficients = np.concatenate([betas, pose], axis=1).astype(np.float32)
        shaped = self.template + (coefficients @ self._offset_matrix).reshape(count, -1, 3)
        bones = np.concatenate([glob, offset[..., None]], axis=-1).reshape(count, -1, 12)
        blend = np.matmul(self.skinning_weights.astype(np.float32), bones.astype(np.float32))
        blend = blend.reshape(count, -1, 3, 4)
        posed = np.einsum("nvab,nvb->nva", blend[..., :3], shaped) + blend[..., 3]
        if translation is not None:
            posed += np.asarray(translation, dtype=np.float32)[:, None]
        return posed.astype(np.float32, copy=False)

    def _checked(self, rotations: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rotations, betas = np.asarray(rotations), np.asarray(betas)
        expected = (len(rotations), len(self.parents), 3, 3)
        if rotations.shape != expected:
            raise ShapeError(f"rotations have shape {rotations.shape}, expected {expected}")
        if betas.shape != (len(rotations), self.n_betas):
            raise ShapeError(
                f"betas have shape {betas.shape}, expected {(len(rotations), self.n_betas)}"
            )
        return rotations, betas


def load_body(path: str | Path) -> Body:
    """Load a body model.

    Args:
        path: "open" for the body shipped with jointreg (CC0), or an SMPL-format `.npz` or `.pkl`
            with the keys v_template, shapedirs, posedirs, weights, J_regressor, f, kintree_table.

    Raises:
        DataError: the file is missing, not SMPL-format, or a pickle holding foreign classes.
    """
    if str(path) == "open":
        with files("jointreg").joinpath("assets/open_body.npz").open("rb") as stream:
            return _from_arrays(_read_npz(stream.read(), "open body"), "open body")
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"body model {path} does not exist",
            'register at https://smpl.is.tue.mpg.de and set `body:` to the file, or use `body: "open"`',
        )
    raw = path.read_bytes()
    arrays = _read_npz(raw, str(path)) if path.suffix == ".npz" else _read_pickle(raw, str(path))
    return _from_arrays(arrays, str(path))


def _read_npz(raw: bytes, where: str) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{where} is not a readable npz of plain arrays: {error}") from error


class _PlainUnpickler(pickle.Unpickler):
    """Admits NumPy arrays and SciPy sparse matrices, and nothing that could run code."""

    _MODULES = ("numpy", "scipy.sparse")
    _NAMES = frozenset(
        {"_reconstruct", "ndarray", "dtype", "scalar", "csc_matrix", "csr_matrix", "coo_matrix"}
    )

    def find_class(self, module: str, name: str) -> object:
        if module.startswith(self._MODULES) and name in self._NAMES:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"class {module}.{name} is not allowed")


def _read_pickle(raw: bytes, where: str) -> dict[str, np.ndarray]:
    try:
        loaded = _PlainUnpickler(io.BytesIO(raw), encoding="latin1").load()
    except Exception as error:
        raise DataError(
            f"{where} is not a plain SMPL pickle: {error}",
            "official files hold chumpy objects: convert once to npz with plain arrays",
        ) from error
    if not isinstance(loaded, dict):
        raise DataError(f"{where} holds a {type(loaded).__name__}, expected a dict of arrays")
    return {
        key: value.toarray() if hasattr(value, "toarray") else np.asarray(value)
        for key, value in loaded.items()
    }


def _from_arrays(arrays: dict[str, np.ndarray], where: str) -> Body:
    needed = ("v_template", "shapedirs", "posedirs", "weights", "J_regressor", "f", "kintree_table")
    missing = [key for key in needed if key not in arrays]
    if missing:
        raise DataError(f"{where} lacks {', '.join(missing)}; an SMPL file has {', '.join(needed)}")
    template = np.asarray(arrays["v_template"], dtype=np.float32)
    count, joints = len(template), np.asarray(arrays["weights"]).shape[1]
    shapes = {
        "v_template": (count, 3),
        "posedirs": (count, 3, 9 * (joints - 1)),
        "weights": (count, joints),
        "J_regressor": (joints, count),
        "kintree_table": (2, joints),
    }
    for key, shape in shapes.items():
        if np.shape(arrays[key]) != shape:
            raise DataError(f"{where}: {key} has shape {np.shape(arrays[key])}, expected {shape}")
    parents = np.asarray(arrays["kintree_table"])[0].astype(np.int64)
    parents[0] = -1
    names = tuple(SMPL_24) if joints == 24 else tuple(f"joint_{k}" for k in range(joints))
    return Body(
        template=template,
        shape_directions=np.asarray(arrays["shapedirs"], dtype=np.float32)[..., :MAX_BETAS],
        pose_directions=np.ascontiguousarray(
            np.asarray(arrays["posedirs"], dtype=np.float32).transpose(2, 0, 1)
        ),
        skinning_weights=np.asarray(arrays["weights"], dtype=np.float32),
        joint_regressor=np.asarray(arrays["J_regressor"], dtype=np.float32),
        parents=parents,
        faces=np.asarray(arrays["f"]).astype(np.int32),
        mirror=None if "mirror" not in arrays else np.asarray(arrays["mirror"]).astype(np.int64),
        joint_names=names,
    )
