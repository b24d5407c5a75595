"""Templates: what is escaped, what is not, and names without a value."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from jointreg.files.templates import PACKAGE, fill_html, fill_text
from jointreg.tables.render import Cell, Grid

NASTY = '<b>&"'


def test_html_is_escaped_unless_it_is_markup_and_text_never():
    grid = Grid((("", ("name",)),), ((Cell(NASTY),),))
    escaped = fill_html("tables/assets/table.html", grid=grid, typeset=str)
    assert '<th scope="row" style="text-align: left">&lt;b&gt;&amp;&#34;</th>' in escaped
    markup = fill_html("tables/assets/table.html", grid=grid, typeset=Markup)
    assert f">{NASTY}</th>" in markup
    assert fill_text("{{ name }}", name=NASTY) == NASTY


def test_a_name_without_a_value_is_an_error():
    for template in PACKAGE.glob("*/assets/*.html"):
        if "{{" in template.read_text() and template.name != "pieces.html":  # macros alone
            with pytest.raises(UndefinedError):
                fill_html(str(template.relative_to(PACKAGE)))
    with pytest.raises(UndefinedError, match="colour"):
        fill_text("{{ shape.colour }}", shape={})
