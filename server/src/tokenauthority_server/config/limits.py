"""What a setting may hold, in words."""

from datetime import date
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo


def limits(field: FieldInfo) -> str:
    """The values that the field takes, as `1 to 60`, `true or false`, or the list of its choices.

    Empty where the field's own validators say it.
    """
    if field.annotation is bool:
        return "true or false"
    if field.annotation is int:
        low = next(bound.ge for bound in field.metadata if isinstance(bound, Ge))
        high = next(bound.le for bound in field.metadata if isinstance(bound, Le))
        return f"{low} to {high}"
    if date in get_args(field.annotation):
        return "a day, as 2027-12-31"
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return ", ".join(str(choice) for choice in choices)
