"""The input of the networks among the methods, in words, for captions."""

from collections.abc import Iterable

from jointreg import config
from jointreg.config.methods import NETWORKS, Method, crop_of

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
"""Rules of `run_network.crops`, in the words of captions."""

_ORIENTATION = {
    "camera": "their orientation is taken to be in the camera's frame",
    "ray": "their orientation is turned with the ray through the middle of the crop",
    "aligned": "their orientation is turned onto the labels",
}


def input_words(kind: str, settings: config.RunNetwork) -> str:
    """The input of a network and the frame of its orientation; empty for other methods."""
    if kind not in NETWORKS:
        return ""
    alone = "whole recordings" if NETWORKS[kind][1] else "each frame by itself"
    return f"{CROPS[crop_of(kind, settings)]}, {alone}; {_ORIENTATION[settings.orientation]}"


def protocol_words(settings: config.RunNetwork, methods: Iterable[Method], body: str) -> str:
    """`input_words` of the networks among some methods, networks with the same input together.

    With the open body a warning follows, because its shape directions are not those of the networks.
    """
    labels_of: dict[str, list[str]] = {}
    for method in methods:
        if method.kind in NETWORKS:
            labels_of.setdefault(input_words(method.kind, settings), []).append(method.label)
    sentences = [f"Input of {', '.join(labels)}: {words}." for words, labels in labels_of.items()]
    if labels_of and body == "open":
        sentences.append(
            "The networks predict SMPL shape coefficients, but the open body has different shape "
            "directions. These numbers show only that the code runs; they are not a measure of the "
            "networks."
        )
    return " ".join(sentences)
