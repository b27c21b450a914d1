"""An example of each request, reply, message and frame, as `tests/handlers/test_examples.py` noted them."""

import functools
from pathlib import Path
from typing import Any

from server.decoding import decode

EXAMPLES = Path(__file__).with_name("examples.json")


@functools.cache
def examples(kind: str) -> dict[str, Any]:
    """Return the examples of "interfaces", "sandbox", "messages" or "frames".

    An interface has one for each struct that it takes: `request` and `reply`.
    """
    found: dict[str, dict[str, Any]] = decode(EXAMPLES.read_bytes(), dict[str, dict[str, Any]])
    return found[kind]
