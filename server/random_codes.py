"""Random codes for URLs and order numbers."""

from __future__ import annotations

import secrets
import string

LETTERS = string.ascii_letters + string.digits
CODE_CHARACTERS = 12


def random_code() -> str:
    """Return a new code of 12 letters and digits, 71 bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_CHARACTERS))
