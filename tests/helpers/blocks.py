"""The commands of the documentation: fenced blocks, and commands in running text."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("sh", "python", "yaml", "tsv", "text")
"""What a fence may say; `text` is for layouts and formulas."""
FENCE = re.compile(r"^( *)```(.*?)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- not run: (.+?) -->\s*$")
INLINE = re.compile(r"`((?:make|snakemake|jointreg|python) [^`]+)`")
NOT_RUN = "not run"
SITE_ONLY = ("{toctree}", "{eval-rst}")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    language: str
    text: str
    before: str
    """The paragraph above it."""
    not_run: str
    """The reason in `<!-- not run: reason -->` above it; empty where there is none."""

    @property
    def commands(self):
        """Lines of a shell block, continued lines joined, comments off."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [" ".join(words) for line in lines if (words := shlex.split(line, comments=True))]

    @property
    def file(self):
        """The file that the paragraph above says the block is."""
        named = re.findall(r"`(config/[\w/]+\.(?:yaml|tsv))`", self.before)
        return named[-1] if named else ""


def pages(root):
    """The pages, by their path in the repository."""
    found = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    found += [root / folder / "README.md" for folder in ("config", "results", "envs")]
    return {str(path.relative_to(root)): path.read_text() for path in found}


def blocks(page, text):
    """The fenced blocks of a page."""
    for found in FENCE.finditer(text):
        above, language = text[: found.start()].rstrip(), found[2].strip()
        if language in SITE_ONLY:
            continue
        marked = MARK.search(above)
        line = text[: found.start()].count("\n") + 1
        yield Block(
            page, line, language, found[3], above.rsplit("\n\n", 1)[-1], marked[1] if marked else ""
        )


def in_text(text):
    """Commands in running text, line breaks inside them mended."""
    return [" ".join(found.split()) for found in INLINE.findall(FENCE.sub("", text))]


def unfenced(text):
    """Lines of fences that `blocks` does not understand."""
    return [line for line in FENCE.sub("", text).splitlines() if line.lstrip().startswith("```")]


def read(root: Path):
    """All blocks of all pages."""
    return [block for page, text in pages(root).items() for block in blocks(page, text)]
