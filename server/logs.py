"""How the log looks: one line an event, in UTC. What is worth an event is decided where it happens.

Queries of URLs carry ids and tokens, and MongoDB's errors the values that were written: whatever writes about
a request or an error, they are cut here.
"""

from __future__ import annotations

import logging
import re
import time
from traceback import format_tb
from types import TracebackType

_QUERY = re.compile(r"(/[^\s?]*)\?\S+")


class OneLine(logging.Formatter):
    """A traceback follows its line indented, so that nobody's input can pass for an event of its own."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s %(message)s")

    def formatException(  # noqa: N802  (logging's name)
        self,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return a traceback; where MongoDB's driver raised anything of it, without the errors' texts."""
        chain, error = [], exc_info[1]
        while error is not None:
            chain.append(type(error))
            error = error.__cause__ or error.__context__
        if not any(kind.__module__.partition(".")[0] == "pymongo" for kind in chain):
            return super().formatException(exc_info)
        return "".join(format_tb(exc_info[2])) + " from ".join(kind.__qualname__ for kind in chain)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without the query of any URL in it."""
        record.exc_text = None  # as another handler may have written it
        return _QUERY.sub(r"\1?…", super().format(record)).replace("\n", "\n    ")


def set_up_logging() -> None:
    """Send the log of this process to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "asyncio", "pymongo", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)
