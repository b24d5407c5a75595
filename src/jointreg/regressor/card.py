"""The card of a regressor: how it was made, in Markdown, from the `about` of its sidecar."""

from collections.abc import Mapping, Sequence
from typing import Any

from jointreg.files.text_table import text_table

COLUMNS = (
    *("joint", "labelled frames", "residual, mm", "vertices", "row sum"),
    *("s.e. x, mm", "s.e. y, mm", "s.e. z, mm"),
)
KEYS = ("labelled_frames", "residual_rms_mm", "nonzeros", "row_sums", "standard_error_mm")
"""Keys of `about` that give a value for each joint."""
RESIDUAL = """\
Residual: root mean square distance from the labels that were fitted to. It does not cover poses and
people that the frames do not have."""
DETERMINED = """\
s.e. x, y, z: what the frames determine. Standard error of the joint along the axes of {axes}, mm,
turned with the body, by {parts} fits that leave out one run of frames each. Where it is large, the
frames leave the place of the joint open along that axis. Poses that no frame has are not covered."""


def card(name: str, joints: Sequence[str], vertices: int, about: Mapping[str, Any]) -> str | None:
    """How a regressor was made: the text that goes with its file. None where `about` does not give it.

    Args:
        name: of the regressor's file.
        joints: names of its rows.
        vertices: of its mesh.
        about: of its sidecar, as `jointreg fit` or `jointreg transfer` wrote it.
    """
    derived = about.get("derived")
    if isinstance(derived, Mapping) and "regressor_about" in derived:
        return _derived(name, joints, vertices, derived)
    if not set(KEYS) <= set(about):
        return None
    rows = []
    for joint in joints:
        labelled, residual, vertices_read, row_sum, errors = (about[key][joint] for key in KEYS)
        numbers = (labelled, f"{residual:.2f}", vertices_read, f"{row_sum:.4f}")
        rows.append((joint, *numbers, *("-" if errors is None else f"{x:.2f}" for x in errors or "xyz")))
    digests = [*about["vertices_sha256"].items(), *about["labels_sha256"].items()]
    most = f"at most {about['max_vertices']}" if about["max_vertices"] else "any number of"
    axes = "the first frame" if about["axes"] == "first frame" else "the mesh at rest"
    return "\n".join(
        [
            f"# {name}",
            "",
            f"A joint regressor, {len(joints)} joints of a mesh of {vertices} vertices",
            f"(faces: sha256 {about['topology_hash'][:12]}).",
            "",
            f"- frames: {about['frames']}",
            f"- people: {about['people'] or 'number not given'}",
            f"- solver: {about['solver']}; {most} vertices a joint"
            + ("; left and right alike" if about["symmetric"] else ""),
            f"- made by: jointreg {about['jointreg']}",
            f"- licence of the body: {about['body_licence']}",
            "",
            "```text",
            text_table([COLUMNS, *rows], "lrrrrrrr", rule=True),
            "```",
            "",
            RESIDUAL,
            "",
            DETERMINED.format(axes=axes, parts=about["parts"])
            if about["parts"] > 1
            else "What the frames determine is not known: they are too few to leave some out.",
            "",
            *(f"- {file}: sha256 {digest}" for file, digest in digests),
            "",
        ]
    )


def _derived(name: str, joints: Sequence[str], vertices: int, derived: Mapping[str, Any]) -> str:
    source = derived["regressor"]
    lines = [
        f"# {name}",
        "",
        f"Derived, not fitted: {len(joints)} joints of a mesh of {vertices} vertices, moved from",
        f"{source} (weights: sha256 {derived['regressor_sha256'][:12]}) by: {derived['map']}.",
    ]
    if "mean_distance_mm" in derived:
        lines.append(
            f"Vertices that are read lie {derived['mean_distance_mm']} mm from the new mesh in the "
            f"mean, {derived['largest_distance_mm']} mm at most."
        )
    own = derived["regressor_about"]
    before = card(source, joints, own.get("vertices", 0), own)
    if before is None:
        where = "the sidecar, under derived.regressor_about" if own else "nothing beside it"
        before = f"How {source} was made: {where}.\n"
    return "\n".join([*lines, "", before])
