"""The two sides of a mesh and of its joints, for fits that treat both alike."""

from typing import NamedTuple

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import JointSet
from jointreg.errors import DataError
from jointreg.exchange.meshes import Mesh

LARGEST_SHARE = 5e-4
"""Farthest that a vertex may lie from a mirrored one, as a share of the mesh: 1 mm of a person."""


class Mirror(NamedTuple):
    """The other side of every vertex and joint, each its own inverse."""

    vertices: np.ndarray
    """(V,)."""
    joints: np.ndarray
    """(J,); a joint in the middle names itself."""


def mirror_of_mesh(mesh: Mesh, joints: JointSet, body: Body | None = None) -> Mirror:
    """The two sides of a mesh that is its own mirror image, left and right along x.

    Args:
        mesh: at rest, in any unit.
        joints: names the two sides of the joints.
        body: of which the map is taken, if it has one.

    Raises:
        DataError: a vertex has no counterpart on the other side.
    """
    if body is not None and body.mirror is not None:
        return Mirror(body.mirror.astype(np.intp), np.array(joints.mirror))
    from scipy.spatial import cKDTree

    middle = (mesh.vertices.max(axis=0) + mesh.vertices.min(axis=0)) / 2 * (1, 0, 0)
    places = mesh.vertices - middle
    distance, other = cKDTree(places).query(places * (-1, 1, 1))
    worst = int(distance.argmax())
    limit = LARGEST_SHARE * float(np.ptp(places, axis=0).max())
    if distance[worst] > limit or not np.array_equal(other[other], np.arange(len(other))):
        raise DataError(
            f"vertex {worst} of the mesh has no counterpart on the other side: the nearest lies "
            f"{distance[worst]:.3g} away, limit {limit:.3g}",
            "give the mesh at rest, left and right along x, or leave --symmetric out",
        )
    return Mirror(other, np.array(joints.mirror))
