"""What a sealed value looks like in the store. Only `server/security/keys.py` makes and opens one."""

from typing import TypedDict


class Sealed(TypedDict):
    """A sealed value: the fingerprint of the secret that opens it, 16 hex digits, and what is encrypted."""

    key: str
    box: bytes


class SealedCode(Sealed):
    """A short code that people type: sealed, and a keyed hash by which it is found."""

    hash: str
