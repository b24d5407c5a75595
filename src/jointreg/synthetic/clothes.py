"""What people wear: a shell over their skin that hangs, folds and moves, and hair.

The shell is the posed mesh itself, moved off the body, so it has a mesh's topology and no cut: a skirt
or an open coat cannot be worn. Where cloth is, `synthetic.render.worn` decides.
"""

import numpy as np
from scipy.sparse import csr_matrix, diags

from jointreg.body.model import Body
from jointreg.skeleton import SMPL_24
from jointreg.synthetic.labels import planted_generator
from jointreg.synthetic.parameters import Outfit
from jointreg.synthetic.worn import worn

PARTS = {
    "trunk": ("pelvis", "spine1", "spine2", "spine3", "neck", "collar"),
    "upper_arm": ("shoulder",),
    "forearm": ("elbow", "wrist", "hand"),
    "thigh": ("hip",),
    "shin": ("knee", "ankle", "foot"),
}
"""Part of an outfit -> skeleton joints that move it, without side."""
LEAST_M = 0.002
"""Cloth stays this far off the skin, metres."""
ON_TOP = 0.6
"""Share of its distance that cloth loses where it lies on the body from above."""
WAVES = 4
"""Waves that make up the folds."""
SMOOTHING = 6
"""Diffusion steps of loose cloth, half an edge each: it spans hollows."""


class Clothes:
    """One subject's clothes, the same in all takes."""

    thickness_m: dict[str, float]
    """Mean distance of what each part wears from the skin; with `shoes` and `hair`."""

    def __init__(self, body: Body, subject: str, outfit: Outfit, planted_seed: int) -> None:
        """Cut them.

        Args:
            body: the body that is filmed, S vertices.
            subject: its name.
            outfit: ranges to draw from.
            planted_seed: of all that is drawn.
        """
        generator = planted_generator(planted_seed, "clothes", subject)
        self.thickness_m = {
            part: float(generator.uniform(*getattr(outfit, f"{part}_m")))
            for part in (*PARTS, "shoes", "hair")
        }
        self._hang = float(generator.uniform(*outfit.hang_m))
        region = worn(body, outfit.long_sleeves)
        self._cloth = np.isin(region, ["shirt", "trousers"])
        self._distance = self._distances(body, region)
        self._faces = body.faces
        self._folds = outfit.folds
        self._template = body.template.astype(np.float64)
        direction = generator.standard_normal((WAVES, 3)) * [1.0, 1.0, 0.5]
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = outfit.fold_m * generator.uniform(0.7, 1.4, WAVES)
        self._waves = (2 * np.pi / length)[:, None] * direction
        self._phase = generator.uniform(0, 2 * np.pi, WAVES)
        self._speed = 2 * np.pi / (outfit.fold_s * generator.uniform(0.7, 1.4, WAVES))
        corner = body.faces.ravel()
        face = np.repeat(np.arange(len(body.faces)), 3)
        self._around = csr_matrix((np.ones(len(corner)), (corner, face)))
        edges = np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]])
        near = csr_matrix((np.ones(len(edges)), edges.T), (body.n_vertices,) * 2)
        near = near + near.T
        self._mean = (diags(1 / np.asarray(near.sum(axis=1)).ravel()) @ near).tocsr()

    def _distances(self, body: Body, region: np.ndarray) -> np.ndarray:
        """Mean distance of what is worn from the skin, (S,) metres."""
        at = np.zeros(len(SMPL_24))
        for part, joints in PARTS.items():
            at[[n.split("_")[-1] in joints for n in SMPL_24]] = self.thickness_m[part]
        distance = np.where(self._cloth, body.skinning_weights @ at, 0.0)
        distance[region == "shoes"] = self.thickness_m["shoes"]
        distance[region == "hair"] = self.thickness_m["hair"]
        return distance

    def on(self, skin: np.ndarray, time_s: float) -> np.ndarray:
        """The mesh of the dressed person.

        Args:
            skin: posed vertices in the room frame (z up), (S, 3) metres.
            time_s: since the start of the take.

        Returns:
            (S, 3) metres, float32; the skin itself where nothing is worn.
        """
        skin = skin.astype(np.float64)
        normals = self._normals(skin)
        resting = np.where(self._cloth, 1 - ON_TOP * np.maximum(normals[:, 2], 0), 1.0)
        shell = skin + (self._distance * resting)[:, None] * normals
        if self._hang:
            shell[self._cloth, 2] -= self._hang * np.maximum(-normals[self._cloth, 2], 0)
            cloth = self._cloth[:, None]
            for _ in range(SMOOTHING):
                shell = np.where(cloth, 0.5 * (shell + self._mean @ shell), shell)
        # Folds run over the body in time, and as a limb turns against the vertical.
        phase = self._phase + self._speed * time_s + 2.0 * normals[:, 2:]
        wave = np.sin(self._template @ self._waves.T + phase).sum(axis=1) / np.sqrt(WAVES / 2)
        shell += (self._folds * self._distance * wave)[:, None] * normals
        inside = LEAST_M - ((shell - skin) * normals).sum(axis=1)
        pushed = np.where(self._distance > 0, np.maximum(inside, 0), 0)
        shell += pushed[:, None] * normals
        # Soles stand on the floor, not in it.
        shell[:, 2] = np.maximum(shell[:, 2], np.minimum(skin[:, 2], 0.0))
        return shell.astype(np.float32)

    def _normals(self, vertices: np.ndarray) -> np.ndarray:
        a, b, c = (vertices[self._faces[:, k]] for k in range(3))
        normals = self._around @ np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
