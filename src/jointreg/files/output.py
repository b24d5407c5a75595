"""Checks of the names of files to write, before the work that they are the result of."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from jointreg.errors import INSTALL, ConfigError

PICTURES = (".png", ".svg", ".pdf")
"""Endings of the pictures that are drawn."""


def require_other(output: str | Path, inputs: Iterable[str | Path | None]) -> None:
    """Refuse to replace a file by what is made of it.

    Args:
        output: file to write; one that exists and is no input may be replaced.
        inputs: files that are read; None and names that are no files are passed over.

    Raises:
        ConfigError: the output is a folder, or one of the inputs, under this or another name.
    """
    output = Path(output)
    if output.is_dir():
        raise ConfigError(
            f"output {output} is a folder, expected the name of a file", "name a file in it"
        )
    for file in inputs:
        if file is not None and output.is_file() and Path(file).exists() and output.samefile(file):
            raise ConfigError(
                f"output {output} is the input {file}, which it would replace", "write to another name"
            )


def require_picture(path: str | None) -> None:
    """Refuse a picture whose format is not drawn, or that nothing can draw; None is no picture.

    Raises:
        ConfigError: the name ends otherwise than in one of `PICTURES`, or there is no matplotlib.
    """
    if path and Path(path).suffix not in PICTURES:
        raise ConfigError(
            f"--picture {path}: expected a file that ends in {', '.join(PICTURES)}", "name it so"
        )
    if path and find_spec("matplotlib") is None:
        raise ConfigError(
            "--picture needs matplotlib, which is not installed",
            INSTALL.format("pictures"),
        )
