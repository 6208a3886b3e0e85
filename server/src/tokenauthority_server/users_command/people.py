"""From the members of a record to a user, with every field checked. No value is ever quoted."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tokenauthority_server.domain.errors import InvalidRequestError
from tokenauthority_server.domain.imports import ImportedUser, hash_problem
from tokenauthority_server.domain.ports import TokenSigner
from tokenauthority_server.domain.users import Profile
from tokenauthority_server.services.importing import Line
from tokenauthority_server.transport.fields import Fields
from tokenauthority_server.transport.requests import EMAIL, USER_ID, USERNAME
from tokenauthority_server.users_command.records import Record

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0"})
_BETWEEN: Final = re.compile(r"[;\s]+")


def line_of(record: Record, signer: TokenSigner) -> Line:
    """Return the record as a user, or with all of its problems."""
    if record.problem:
        return Line(number=record.number, problems=(record.problem,))
    try:
        return Line(number=record.number, user=_user(record.members, signer))
    except InvalidRequestError as error:
        problems = tuple(f"{one.field} {one.description}" for one in error.violations)
        return Line(number=record.number, problems=problems)


def _user(members: Mapping[str, Any], signer: TokenSigner) -> ImportedUser:
    fields = Fields()
    profile = Profile(
        user_id=fields.required("id", _text(fields, "id", members), USER_ID),
        username=fields.required("username", _text(fields, "username", members), USERNAME),
        email=fields.optional("email", _text(fields, "email", members), EMAIL),
        roles=fields.values("roles", _texts(fields, "roles", members)),
        permissions=fields.values("permissions", _texts(fields, "permissions", members)),
    )
    password_hash = _text(fields, "password_hash", members)
    problem = hash_problem(password_hash) if password_hash else None
    if problem:
        fields.refuse("password_hash", problem)
    active = _flag(fields, "active", members)
    size = signer.profile_size(profile)
    if size > signer.profile_budget("", ()):
        fields.refuse("roles", "and permissions, and what else there is, do not fit a token")
    fields.done()
    return ImportedUser(
        profile=profile, profile_size=size, password_hash=password_hash, active=active
    )


def _text(fields: Fields, name: str, members: Mapping[str, Any]) -> str:
    value = members.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # the ids of many systems are numbers
    return _sound(fields, name, value)


def _texts(fields: Fields, name: str, members: Mapping[str, Any]) -> Sequence[str]:
    """Take a JSON array of texts, or texts separated by semicolons or blanks."""
    value = members.get(name)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            fields.refuse(name, "begin like a JSON array, and are none")
            return ()
    if isinstance(value, list):
        return [_sound(fields, f"{name}[{at}]", one) for at, one in enumerate(value)]
    text = "" if value is None else _sound(fields, name, value)
    return [one for one in _BETWEEN.split(text) if one]


def _sound(fields: Fields, name: str, value: object) -> str:
    """Take a text; JSON can spell halves of characters, which are none."""
    if not isinstance(value, str):
        fields.refuse(name, "is no text")
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        fields.refuse(name, "is no Unicode text")
        return ""
    return value


def _flag(fields: Fields, name: str, members: Mapping[str, Any]) -> bool:
    """Take true or false; nothing is true."""
    value = members.get(name)
    text = "true" if value is None or value == "" else str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        fields.refuse(name, "is neither true nor false")
    return text not in _FALSE
