"""Who may call, and what a caller may see."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a caller may do beyond calling.

    Without `see_reasons` every token that is not good is INVALID to the caller, and takes as long
    to be found so as any other.
    """

    see_reasons: bool = False
