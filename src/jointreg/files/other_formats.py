"""What a file is whose content does not match its suffix, and the next step for it."""

import re

OTHER_FORMATS = {
    b"MATLAB 5.0 MAT-file": "MATLAB's",
    b"\x89HDF\r\n\x1a\n": "HDF5 (or MATLAB 7.3)",
    b"\x93NUMPY": "an npy, which has one array without a name",
    b"{": "JSON",
    b"[": "JSON",
}
"""First bytes -> format of files that are neither an npz nor a pickle."""

_MESH = re.compile(rb"ply\r?\n|(\s*(#.*)?\n)*(v [-0-9. ]|vn |mtllib |o |g )")
"""The beginning of a PLY or OBJ, whose comments may come first."""


def cure_for(raw: bytes) -> str | None:
    """The next step for a file whose content does not match its suffix; None if it is unknown."""
    if raw.startswith(b"version https://git-lfs"):
        return "the file is a Git LFS pointer, not the data: run `git lfs pull` where it came from"
    if raw[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "the file is a web page, not the data: download the raw file"
    return None


def next_step(raw: bytes, damaged: str) -> str:
    """The next step for a file of another format; `damaged` if its first bytes show none."""
    known = next((words for magic, words in OTHER_FORMATS.items() if raw.startswith(magic)), None)
    if known is None and _is_text_table(raw):
        known = "a table in text"
    if known is None and _MESH.match(raw[:1000]):
        return (
            "the file is one mesh: save all of one person, np.savez(file, vertices=...), (frames, V, 3)"
        )
    other = f"the file is {known}: save its arrays by numpy.savez" if known else None
    return cure_for(raw) or other or damaged


def _is_text_table(raw: bytes) -> bool:
    """Whether the first line has columns or begins with a number; that of a pickle in text does not."""
    line = raw[:1000].partition(b"\n")[0].strip()
    return all(31 < byte < 127 or byte == 9 for byte in line) and (
        re.match(rb"-?[0-9]", line) is not None or any(mark in line for mark in b",;\t")
    )
