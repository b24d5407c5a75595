"""Nearest points of a surface against a search over all faces, edges and corners."""

import numpy as np
import pytest

from jointreg.geometry.closest_points import closest_points


def nearest_of_all(point, corners):
    """Distance to the nearest triangle: plane where the foot is inside, else the three edges."""
    distances = []
    for triangle in corners:
        a, b, c = triangle
        plane = np.linalg.lstsq(np.stack([b - a, c - a], axis=1), point - a, rcond=None)[0]
        if (plane >= 0).all() and plane.sum() <= 1:
            distances.append(np.linalg.norm(a + plane @ [b - a, c - a] - point))
        for begin, end in ((a, b), (b, c), (c, a)):
            along = end - begin
            part = np.clip((point - begin) @ along / max(along @ along, 1e-300), 0, 1)
            distances.append(np.linalg.norm(begin + part * along - point))
    return min(distances)


@pytest.mark.parametrize("size", [0.05, 0.5, 3.0])
def test_nothing_is_nearer(generator, size):
    """Loose triangles of sizes that make corners, edges and insides the nearest."""
    vertices = generator.normal(size=(40, 3)) * [1, 2, 0.5]
    vertices = np.concatenate([vertices + size * generator.normal(size=(40, 3)) for _ in range(3)])
    faces = np.arange(120).reshape(3, 40).T
    points = generator.normal(size=(30, 3)) * 1.5
    face, weights, distance = closest_points(points, vertices, faces)
    assert (weights >= 0).all() and np.allclose(weights.sum(axis=1), 1)
    feet = np.einsum("nk,nka->na", weights, vertices[faces[face]])
    assert np.allclose(np.linalg.norm(feet - points, axis=1), distance)
    expected = [nearest_of_all(point, vertices[faces]) for point in points]
    assert np.allclose(distance, expected, rtol=0, atol=1e-9)
    kinds = (weights > 1e-9).sum(axis=1)
    assert size != 0.5 or set(kinds) == {1, 2, 3}


def test_a_point_of_the_surface_and_a_triangle_without_area(generator):
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0], [5, 5, 5.0]])
    faces = np.array([[0, 1, 3], [0, 1, 2]])
    face, weights, distance = closest_points(np.array([[0.25, 0.25, 0], [1.5, 0, 1]]), vertices, faces)
    assert face.tolist() == [1, 0] and np.allclose(distance, [0, 1])
    assert np.allclose(weights[0], [0.5, 0.25, 0.25])
    foot = weights[1] @ vertices[faces[0]]
    assert np.allclose(foot, [1.5, 0, 0])


def test_a_vertex_without_a_face_is_no_part_of_the_surface():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9.0]])
    distance = closest_points(np.array([[9, 9, 9.0]]), vertices, np.array([[0, 1, 2]]))[2]
    assert distance == pytest.approx(np.sqrt(2 * 8.5**2 + 81))
