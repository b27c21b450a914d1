"""Who may operate: OPS_TOKENS names persons, each with a role and a token. Pure."""

from collections import Counter
from typing import Literal, TypeAlias, get_args

import msgspec

from server.errors import BadSettings

# Each role may also do what the roles before it may. `look` changes nothing; `act` may do all that moves no
# money; `money` may also end a red packet, whose rest is then refunded.
Role: TypeAlias = Literal["look", "act", "money"]
ROLES: tuple[Role, ...] = get_args(Role)

NAME_CHARACTERS = 32
_SHAPE = "OPS_TOKENS must list name:role:token, with commas; a role is look, act or money"


class Operator(msgspec.Struct, frozen=True):
    """A person who may operate. `name` is "" for OPS_TOKEN, which several people may share."""

    name: str
    role: Role
    token: str

    def __repr__(self) -> str:
        """Leave out the token: a traceback or log may show this."""
        return f"Operator({self.name!r}, {self.role!r})"

    def may(self, role: Role) -> bool:
        """Whether this person may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def read_operators(listed: str, shared_token: str) -> tuple[Operator, ...]:
    """Return the persons in OPS_TOKENS and, as the last, the owner of OPS_TOKEN if that is set.

    Raises BadSettings, which names a person and never shows a token.
    """
    persons = [_read_one(each) for each in listed.split(",") if each.strip()]
    names = Counter(person.name for person in persons)
    if twice := [name for name, number in names.items() if number > 1]:
        raise BadSettings(f"OPS_TOKENS names {twice[0]} twice")
    tokens = Counter([*(person.token for person in persons), shared_token])
    for person in persons:
        if tokens[person.token] > 1:
            raise BadSettings(f"OPS_TOKENS must give {person.name} a token that nobody else has")
    return (*persons, *([Operator("", "money", shared_token)] if shared_token else []))


def _read_one(text: str) -> Operator:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3 or not all(parts):
        raise BadSettings(_SHAPE)
    name, role, token = parts
    if len(name) > NAME_CHARACTERS or not name.isprintable():
        raise BadSettings(f"OPS_TOKENS: a name has at most {NAME_CHARACTERS} printable characters")
    try:
        return Operator(name, msgspec.convert(role, Role), token)
    except msgspec.ValidationError:
        raise BadSettings(_SHAPE) from None
