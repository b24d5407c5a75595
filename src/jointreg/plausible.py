"""Plausible lengths in metres: what lies outside is usually in other units."""

from typing import NamedTuple

import numpy as np

from jointreg.errors import UnitError


class Bounds(NamedTuple):
    """Smallest and largest plausible length, metres."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} m" if self.low else f"under {self.high:g} m"

    def hold(self, length: float) -> bool:
        """Whether a length lies between the bounds; NaN does not."""
        return self.low <= length <= self.high

    def require(self, length: float, found: str, cure: str) -> None:
        """Refuse a length outside the bounds.

        Args:
            length: metres.
            found: begins the error: where, what and how long.
            cure: what to do about it.

        Raises:
            UnitError: "<found>, expected <bounds>".
        """
        if not self.hold(length):
            raise UnitError(f"{found}, expected {self}", cure)

    def require_each(self, lengths: np.ndarray, found: str, cure: str) -> None:
        """`require` for an array of lengths, one a frame: the error names the first frame outside.

        Args:
            lengths: (N,) metres.
            found: begins the error, with the places {frame} and {length}.
            cure: what to do about it.
        """
        wrong = ~((lengths >= self.low) & (lengths <= self.high))
        if wrong.any():
            frame = int(np.argmax(wrong))
            length = float(lengths[frame])
            self.require(length, found.format(frame=frame, length=f"{length:.3g}"), cure)


LEG_M = Bounds(0.5, 1.3)
"""Hip to knee to ankle, of a person of six years or more."""
CHILD_LEG_M = Bounds(0.1, 0.5)
"""The same of infants and smaller children."""
BODY_M = Bounds(0.2, 3.0)
"""Longest side of the box around a person in any pose, infants included."""
TEMPLATE_M = Bounds(0.4, 2.2)
"""Height of a body model's template; an infant's is 0.5 to 0.7."""
ADULT_M = Bounds(1.2, 2.2)
"""Height of a grown person's template."""
POSE_RADIUS_M = Bounds(0.0, 5.0)
"""The joints' mean to the farthest joint."""
PERSON_M = Bounds(0.5, 50.0)
"""A recorded person's distance from the camera."""
DEPTH_M = Bounds(0.0, 100.0)
"""Depth or translation of a body in front of the camera."""
CAMERA_M = Bounds(0.0, 200.0)
"""A camera's distance from the middle of all cameras."""

OTHER_UNITS = {"millimetres": 1e-3, "centimetres": 1e-2, "inches": 0.0254, "feet": 0.3048}
"""Units that are taken for metres by mistake, in metres."""


def to_metres(extent: float) -> str:
    """The hint of an error: the factors by which these numbers would become metres.

    Args:
        extent: longest side of the box around the person, in the unit of the numbers.
    """
    units = [
        f"{unit} times {metre:g}" for unit, metre in OTHER_UNITS.items() if BODY_M.hold(extent * metre)
    ]
    return "give metres" + (f": {', or '.join(units)}" if units else "")
