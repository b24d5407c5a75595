"""The site of the documentation: `make site` reads these pages as they stand and writes build/site.

Sources are read from the root of the repository, so that a link between README.md, docs/, config/ and
results/ holds on the site as it does in the files.
"""

import re
import sys
from pathlib import Path

from pygments.lexers import TextLexer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from jointreg import __version__

project = "jointreg"
release = __version__
copyright = "the jointreg authors, MIT licence"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/*.md",
    "docs/api/*.md",
    "config/README.md",
    "results/README.md",
    "envs/README.md",
]
exclude_patterns = [".*", "build", "data", "logs", "results/*/**", "src", "tests", "workflow"]
nitpicky = False
myst_heading_anchors = 3
myst_enable_extensions = ["html_image"]

html_theme = "furo"
html_title = "jointreg"
html_extra_path = ["site/index.html"]
html_static_path = ["site"]
html_css_files = ["style.css"]
html_show_sphinx = False
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "__init__, __new__, model_config"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "separated"
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_rtype = False
default_role = "code"

_CODE = re.compile(r"(`[^`]*`)")
_MARKUP = re.compile(r"(?<!\\)[|*]|(?<=\w)_(?=\W|$)")
_SENTENCES = ("attribute", "data", "property")
"""What has a sentence for a docstring, whose colons napoleon would take for types."""
_kept: dict[str, list[str]] = {}


def plain(app, what, name, obj, options, lines):
    """Docstrings are plain text with `code`: |x| and * mean themselves, not reStructuredText."""
    for number, line in enumerate(lines):
        parts = _CODE.split(line)
        parts[::2] = [_MARKUP.sub(lambda found: "\\" + found.group(0), part) for part in parts[::2]]
        lines[number] = "".join(parts)
    if what in _SENTENCES:
        _kept[name] = list(lines)


def restore(app, what, name, obj, options, lines):
    """Take the sentences as they were."""
    if what in _SENTENCES:
        lines[:] = _kept[name]


def setup(app):
    """One before napoleon, one after: it reads docstrings at the default priority of 500."""
    app.add_lexer("tsv", TextLexer)
    app.connect("autodoc-process-docstring", plain, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
