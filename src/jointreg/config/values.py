"""Kinds of values that settings may have, and the base of all blocks of the configuration."""

from copy import copy
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)

LARGEST = 10**7
"""No number of steps, frames or pixels is larger: such a run would not end."""

Fraction = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0, le=1e9)]
Positive = Annotated[float, Field(ge=1e-12, le=1e9)]
Count = Annotated[int, Field(gt=0, le=LARGEST)]
CountOrZero = Annotated[int, Field(ge=0, le=LARGEST)]
Metres = Annotated[float, Field(ge=1e-6, le=10)]
LearningRate = Annotated[float, Field(ge=1e-12, le=100)]
NAME = r"^[A-Za-z0-9_\-]+$"
Name = Annotated[str, Field(pattern=NAME)]
"""Part of a path."""


def once(values: list[str]) -> list[str]:
    """A list of names, each of which stands in it once."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value:.80} stands twice")
    return values


Names = Annotated[list[Name], Field(min_length=1, max_length=1000), AfterValidator(once)]


def number(value: Any) -> Any:
    """Text that spells a whole number, as `--config` on the command line gives it, is that number."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


class Settings(BaseModel):
    """Base of all blocks: immutable, and unknown keys are refused."""

    # A job uses one block: the checks of a class are built when it is first used.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false for a number, which would count as 1 and 0."""
        if cls.model_fields[str(info.field_name)].annotation is not bool:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, bool):
                    raise ValueError("expected another value than true or false")
        return value


def changes(block: type[Settings]) -> Any:
    """Class of a block's keys, typed as there, of which any may be absent: what one case changes."""
    keys: dict[str, Any] = {}
    for name, info in block.model_fields.items():
        optional = copy(info)
        optional.default = None
        keys[name] = (info.annotation, optional)
    return create_model(f"{block.__name__}Changes", __base__=Settings, **keys)


def changes_of(changes: Settings) -> dict[str, Any]:
    """The keys that a block of changes gives, with their values."""
    return changes.model_dump(exclude_unset=True)
