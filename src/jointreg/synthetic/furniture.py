"""What stands in the room: stools, and desks with chair backs that hide the people who sit there."""

from dataclasses import dataclass

import numpy as np

from jointreg.synthetic.parameters import Desk, Room

METAL, COLUMN, WOOD = (0.20, 0.20, 0.22), (0.30, 0.30, 0.33), (0.34, 0.23, 0.12)
_LIGHT = np.array([0.3, 0.25, 0.92])
"""Direction to the light, room frame."""


@dataclass(frozen=True)
class Piece:
    """A coloured mesh in the room."""

    vertices: np.ndarray
    """(V, 3) metres."""
    faces: np.ndarray
    """(F, 3) int32."""
    colours: np.ndarray
    """Linear RGB of the vertices, shading included, (V, 3)."""


def stool(place: np.ndarray, height: float) -> list[Piece]:
    """Foot, column and round seat of a stool at `place` (x, y), `height` metres high."""
    seat, column, foot = (0.15, height - 0.035, height), (0.025, 0.03, height - 0.035), (0.17, 0.0, 0.03)
    pieces = []
    for (radius, low, high), colour in zip((foot, column, seat), (METAL, COLUMN, WOOD), strict=True):
        vertices, faces, shade = _cylinder(place, radius, low, high)
        pieces.append(Piece(vertices, faces, shade[:, None] * np.array(colour)))
    return pieces


def desk(place: np.ndarray, heading: float, seat: float, settings: Desk) -> list[Piece]:
    """A desk before a stool, with a panel down to the floor, and a chair's back behind it.

    Args:
        place: x, y of the stool, metres.
        heading: to which the person there looks, radians as in `synthetic.motion.stances`.
        seat: height of the stool, metres.
        settings: measures.
    """
    top, half = seat + settings.above_seat_m, settings.width_m / 2
    near, far = settings.near_m, settings.near_m + settings.depth_m
    behind, back = settings.back_behind_m, settings.back_width_m / 2
    boxes = [
        ((-half, half), (near, far), (top - 0.03, top), WOOD),
        ((-half, half), (far - 0.05, far - 0.03), (settings.panel_from_m, top - 0.03), WOOD),
        ((-half, -half + 0.04), (near + 0.03, near + 0.07), (0.0, top - 0.03), METAL),
        ((half - 0.04, half), (near + 0.03, near + 0.07), (0.0, top - 0.03), METAL),
        ((-half, -half + 0.04), (far - 0.07, far - 0.03), (0.0, top - 0.03), METAL),
        ((half - 0.04, half), (far - 0.07, far - 0.03), (0.0, top - 0.03), METAL),
        ((-back, back), (-behind - 0.03, -behind), (seat + 0.08, seat + settings.back_m), WOOD),
        ((-0.02, 0.02), (-behind - 0.03, -behind), (seat - 0.02, seat + 0.08), METAL),
        ((-0.02, 0.02), (-behind - 0.03, -0.1), (seat - 0.04, seat - 0.02), METAL),
    ]
    ahead = np.array([np.sin(heading), -np.cos(heading)])
    across = np.array([ahead[1], -ahead[0]])
    pieces = []
    for sides, depth, heights, colour in boxes:
        vertices, faces, normals = _box(np.array([sides, depth, heights]))
        frame = np.zeros((3, 3))
        frame[:2, 0], frame[:2, 1], frame[2, 2] = across, ahead, 1.0
        shade = 0.55 + 0.35 * np.maximum(normals @ frame.T @ _LIGHT, 0)
        placed = vertices @ frame.T + [*place, 0.0]
        pieces.append(Piece(placed, faces, shade[:, None] * np.array(colour)))
    return pieces


def furnish(room: Room, seat: float) -> Piece:
    """All stools and desks of a room as one mesh; `seat`: height of the stools, metres."""
    pieces = []
    for place, heading in zip(room.stools_m, room.desk.headings_rad, strict=True):
        pieces += stool(np.array(place), seat)
        pieces += desk(np.array(place), heading, seat, room.desk)
    start = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    return Piece(
        np.concatenate([piece.vertices for piece in pieces]),
        np.concatenate([piece.faces + first for piece, first in zip(pieces, start, strict=False)]),
        np.concatenate([piece.colours for piece in pieces]),
    )


def _cylinder(place: np.ndarray, radius: float, low: float, high: float) -> tuple[np.ndarray, ...]:
    """Upright cylinder: vertices (V, 3), faces (F, 3) and brightness of the vertices (V,)."""
    turns = 24
    angle = 2 * np.pi * np.arange(turns) / turns
    ring = place + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    lower, upper = (np.column_stack([ring, np.full(turns, z)]) for z in (low, high))
    vertices = np.concatenate([lower, upper, upper, [[*place, high]]])
    i, j = np.arange(turns), (np.arange(turns) + 1) % turns
    faces = np.concatenate(
        [
            np.stack([i, j, i + turns], axis=-1),
            np.stack([j, j + turns, i + turns], axis=-1),
            np.stack([i + 2 * turns, j + 2 * turns, np.full(turns, 3 * turns)], axis=-1),
        ]
    )
    side = 0.55 + 0.2 * np.cos(angle - 0.7)
    return vertices, faces.astype(np.int32), np.concatenate([0.7 * side, side, np.full(turns + 1, 1.05)])


def _box(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Box between `ends` (3, 2): vertices (24, 3), faces (12, 3), normals of the vertices (24, 3)."""
    vertices: list[np.ndarray] = []
    faces: list[list[int]] = []
    normals: list[np.ndarray] = []
    for axis in range(3):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        for end in range(2):
            corners = np.empty((4, 3))
            corners[:, axis] = ends[axis, end]
            corners[:, one] = ends[one][[0, 1, 1, 0] if end else [0, 0, 1, 1]]
            corners[:, other] = ends[other][[0, 0, 1, 1] if end else [0, 1, 1, 0]]
            first = 4 * len(vertices)
            faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
            vertices.append(corners)
            normals.append(np.tile((2 * end - 1) * np.eye(3)[axis], (4, 1)))
    return np.concatenate(vertices), np.array(faces, dtype=np.int32), np.concatenate(normals)
