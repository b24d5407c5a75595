"""SMPL-format bodies: the model, its files, skinning."""

from jointreg.body.files import convert_body, load_body, read_body
from jointreg.body.model import Body

__all__ = ["Body", "convert_body", "load_body", "read_body"]
