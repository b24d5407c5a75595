"""Exact silhouettes of meshes, and their gradients."""

from jointreg.silhouette.rendering import BACKENDS, coverage, silhouette_l2
from jointreg.silhouette.topology import PointsError, Topology

__all__ = ["BACKENDS", "PointsError", "Topology", "coverage", "silhouette_l2"]
