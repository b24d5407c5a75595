"""Captions: files of workflow/report filled with parameters, and their text as HTML."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import TemplateError
from markupsafe import Markup

from jointreg.errors import ConfigError
from jointreg.files.templates import fill_text

_MAIL = re.compile(r'<a class="[^"]*" href="mailto:[^"]*">(.*?)</a>')
"""docutils takes `PCK@150` for an address; captions have none."""


def fill_caption(source: Path, params: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The text of a caption file with the rule's parameters and the configuration filled in.

    Args:
        source: reStructuredText with Jinja's `{{ snakemake.params... }}`, as in Snakemake's report.
        params: parameters of the rule that made the file.
        config: the run's configuration.

    Raises:
        ConfigError: the caption names a parameter or a key that does not exist.
    """
    values = SimpleNamespace(params=dict(params), config=dict(config))
    try:
        return fill_text(source.read_text(encoding="utf-8"), snakemake=values)
    except TemplateError as error:
        raise ConfigError(
            f"caption {source}: {error}; parameters of its rule: {', '.join(sorted(params))}"
        ) from error


def prose(text: str) -> Markup:
    """reStructuredText as paragraphs of HTML, escaped by docutils.

    Raises:
        docutils.utils.SystemMessage: a mistake in the text.
    """
    from docutils.core import publish_parts

    settings = {
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "halt_level": 2,
        "report_level": 5,
        "_disable_config": True,
        "embed_stylesheet": False,
        "doctitle_xform": False,
        "smart_quotes": False,
    }
    parts = publish_parts(text, writer="html5", settings_overrides=settings)
    return Markup(_MAIL.sub(r"\1", parts["body"].strip()))
