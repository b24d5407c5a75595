"""Templates filled by jinja2, under one set of rules for the whole package.

A name that a template uses and that has no value is an error. In HTML every value is escaped, except one
that is `Markup` already.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

PACKAGE = Path(__file__).parents[1]

_HTML = Environment(
    loader=FileSystemLoader(PACKAGE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HTML.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
_TEXT = Environment(autoescape=False, undefined=StrictUndefined)


def fill_html(template: str, **values: Any) -> Markup:
    """A template file of the package as HTML.

    Args:
        template: its path from the folder of the package, `tables/assets/table.html`.
        values: what the template may name.

    Raises:
        jinja2.TemplateError: a mistake in the template, or a name without a value.
    """
    return Markup(_HTML.get_template(template).render(values))


def fill_text(source: str, **values: Any) -> str:
    """The text of a template filled, nothing escaped; raises as `fill_html`."""
    return _TEXT.from_string(source).render(values)
