"""How the log looks: one line an event, in UTC. What is worth an event is decided where it happens.

Queries of URLs carry ids and tokens: whatever writes about a request, they are cut here.
"""

from __future__ import annotations

import logging
import re
import time

_QUERY = re.compile(r"(/[^\s?]*)\?\S+")


class OneLine(logging.Formatter):
    """A traceback follows its line indented, so that nobody's input can pass for an event of its own."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without the query of any URL in it."""
        return _QUERY.sub(r"\1?…", super().format(record)).replace("\n", "\n    ")


def set_up_logging() -> None:
    """Send the log of this process to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "asyncio", "pymongo", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)
