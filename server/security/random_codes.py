"""Codes for URLs and order numbers: drawn at random, or derived under a secret key."""

from __future__ import annotations

import hmac
import secrets
import string

LETTERS = string.ascii_letters + string.digits
CODE_CHARACTERS = 12


def random_code(characters: int = CODE_CHARACTERS) -> str:
    """Return a new code of this many letters and digits: 12 have 71 bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(characters))


def derived_code(key: bytes, text: str, characters: int = CODE_CHARACTERS) -> str:
    """Return the code of this many characters that is derived from this text under this key."""
    number = int.from_bytes(hmac.digest(key, text.encode(), "sha256"), "big")
    letters = []
    for _ in range(characters):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return "".join(letters)
