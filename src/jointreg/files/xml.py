"""XML files of others: well-formed, without a DOCTYPE, and so without entities."""

from pathlib import Path
from xml.etree import ElementTree

from jointreg.errors import DataError
from jointreg.files.input import require_file


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DataError(f"declares a DOCTYPE ('{name}'), expected plain XML without entities")


def read_xml(path: Path, next_step: str) -> ElementTree.Element:
    """Root element of a file.

    Args:
        path: the file.
        next_step: what the reader of an error should do.

    Raises:
        DataError: the file is missing, not well-formed, or declares a DOCTYPE.
    """
    require_file(path, "file", next_step)
    try:
        with path.open("rb") as stream:
            parser = ElementTree.XMLParser(target=_NoDoctype())
            return ElementTree.parse(stream, parser).getroot()
    except DataError as error:
        raise DataError(f"{path}: {error}", next_step) from None
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:  # of its encoding, too
        raise DataError(f"{path}: not well-formed XML ({error!s:.200})", next_step) from error
