"""README.md as the long description of the package. All else is in pyproject.toml.

A package index shows the page alone: links and pictures of the repository would lead nowhere there.
The picture is left out; a link keeps its words, most of which are the path.
"""

import re
from pathlib import Path

from setuptools import setup

text = Path("README.md").read_text(encoding="utf-8")
text = re.sub(r"<img [^>]*>\n+", "", text)
text = re.sub(r"\[([^\]]+)\]\((?!https?://)[^)]+\)", r"\1", text)
note = "Paths on this page are those of the source repository.\n"
setup(
    long_description=text.replace("\n", f"\n\n{note}", 1),
    long_description_content_type="text/markdown",
)
