"""Files of tools that are known and not read: each is refused by its tool, with what to save instead."""

from collections.abc import Mapping
from typing import Any

from jointreg.errors import DataError

_SKIN = "pose them with SKEL and save its skin, which has SMPL's 6890 vertices: kind vertices"
_MESHES = "its meshes are read: kind vertices, with a regressor of their mesh (jointreg transfer)"

BY_KEYS: dict[str, tuple[frozenset[str], str]] = {
    "SAM 3D Body: bodies of MHR": (frozenset({"mhr_model_params"}), _MESHES),
    "HSMR: bodies of SKEL": (frozenset({"patch_cam_t", "full_cam_t"}), _SKIN),
    "NLF: meshes without parameters": (frozenset({"vertices", "uncertainties"}), _MESHES),
    "GLAMR: people in a room's frame": (
        frozenset({"person_data"}),
        "save one person's pose and betas in the camera's frame, with frame_ids",
    ),
    "learnable-triangulation: labels of Human3.6M": (
        frozenset({"subject_names", "camera_names", "table"}),
        "labels come from the official files: dataset.source human36m",
    ),
}
"""Tool and content -> keys that show it, and what to do."""

_SCENE = b'"MC_scene_description"'
"""In every scene of Meshcapade (.mcs), which is JSON."""


def refuse_scene(raw: bytes, where: str) -> None:
    """Refuse a scene of Meshcapade.

    Raises:
        DataError: names the format.
    """
    if raw.lstrip()[:1] == b"{" and _SCENE in raw:
        raise DataError(
            f"{where} is a scene of Meshcapade (.mcs): bodies in a room's frame, and a camera",
            "export the labelled person as .smpl, turned into the camera's frame",
        )


def refuse_other_tools(content: Mapping[Any, Any], where: str) -> None:
    """Refuse the content of a file whose tool is known and not read.

    Raises:
        DataError: names the tool.
    """
    if "joints_cam" in content:  # what the cure asks for
        return
    for tool, (keys, cure) in BY_KEYS.items():
        if keys <= set(content):
            raise DataError(f"{where} is of {tool}, which are not read", cure)
