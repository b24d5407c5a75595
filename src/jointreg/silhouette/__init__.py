"""Exact silhouettes of meshes, and their gradients."""
