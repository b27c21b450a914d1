"""Codes for URLs and order numbers: drawn at random, or derived under a secret key."""

import hmac
import secrets
import string

LETTERS = string.ascii_letters + string.digits
CODE_CHARACTERS = 12
PERSON_ID_BYTES = 8
PERSON_ID_CHARACTERS = 11


def random_code(characters: int = CODE_CHARACTERS) -> str:
    """Return a new code of this many letters and digits: 12 have 71 bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(characters))


def new_person_id() -> str:
    """Return a new id of a person: 8 random bytes as 11 letters and digits."""
    return base_62(int.from_bytes(secrets.token_bytes(PERSON_ID_BYTES), "big"), PERSON_ID_CHARACTERS)


def derived_code(key: bytes, text: str, characters: int = CODE_CHARACTERS) -> str:
    """Return the code of this many characters that is derived from this text under this key."""
    return base_62(int.from_bytes(hmac.digest(key, text.encode(), "sha256"), "big"), characters)


def number_of(text: str) -> int:
    """Return the number whose digits `base_62` returned."""
    number = 0
    for letter in reversed(text):
        number = number * len(LETTERS) + LETTERS.index(letter)
    return number


def base_62(number: int, characters: int = CODE_CHARACTERS) -> str:
    """Return the last `characters` digits of a number in base 62, the lowest first."""
    letters = []
    for _ in range(characters):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return "".join(letters)
