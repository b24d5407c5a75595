"""Which methods are networks, and in words what these were shown: for rules and captions, no torch."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jointreg import config

if TYPE_CHECKING:
    from jointreg.config.methods import Method

from jointreg.config.methods import NETWORKS, crop_of

CROPS: dict[str, str] = {
    "reference_code": "crops by the reference code's rule (a square on the longer side of the body's "
    "box, not antialiased)",
    "spin": "crops by SPIN's rule for Human3.6M (0.9 of the longer side of the body's box, contrast "
    "stretched, antialiased)",
    "spin_unstretched": "crops by SPIN's rule for Human3.6M, but without its contrast stretch (0.9 of "
    "the longer side of the body's box, antialiased)",
    "vibe": "crops by VIBE's rule (1.1 times the longer side of the body's box, not antialiased)",
    "meva": "crops by MEVA's rule (1.2 times the longer side of the body's box, smoothed over time, not "
    "antialiased)",
    "prepared": "the undistorted, antialiased crops in which bodies are refined",
}
"""Rules of `run_network.crops`, as captions say them."""

_ORIENTATION = {
    "camera": "their orientation is taken to be in the camera's frame",
    "ray": "their orientation is turned with the ray through the middle of the crop",
    "aligned": "their orientation is turned onto the labels",
}


def shown(kind: str, settings: config.RunNetwork) -> str:
    """What a network was shown and how its orientation was read; empty for other methods."""
    if kind not in NETWORKS:
        return ""
    alone = "whole recordings" if NETWORKS[kind][1] else "each frame by itself"
    return f"{CROPS[crop_of(kind, settings)]}, {alone}; {_ORIENTATION[settings.orientation]}"


def protocol_words(settings: config.RunNetwork, methods: Iterable["Method"], body: str) -> str:
    """`shown` of all networks among some methods, those that were shown the same together.

    With the open body, also that its shape directions are not those the networks speak of.
    """
    seen: dict[str, list[str]] = {}
    for method in methods:
        if method.kind in NETWORKS:
            seen.setdefault(shown(method.kind, settings), []).append(method.label)
    sentences = [f"Input of {', '.join(labels)}: {words}." for words, labels in seen.items()]
    if seen and body == "open":
        sentences.append(
            "The networks speak of SMPL's shapes, and the open body has others: these numbers show that "
            "they run, and say nothing of them."
        )
    return " ".join(sentences)
