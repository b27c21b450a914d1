"""How the log looks: one line an event, in UTC. What is worth an event is decided where it happens.

Queries of URLs carry ids and tokens, and MongoDB's errors the values that were written. They are cut here,
from every line, whoever writes it.
"""

from __future__ import annotations

import logging
import re
import time
from traceback import format_tb
from types import TracebackType

WORD_CHARACTERS = 300
MESSAGE_CHARACTERS = 2000
# Strangers choose what these read, so neither can start again within what it has read: the time is linear.
_QUERY = re.compile(r"([?;])\S+")
_LONG_WORD = re.compile(rf"(?<!\S)(\S{{{WORD_CHARACTERS}}})\S+")
# What begins a new line or moves a terminal's cursor, but for the newline, which is indented.
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_NO_PATH_OF_OURS = re.compile(r"[^0-9A-Za-z/_.-]")


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

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """Return the line without a traceback, cut at 2,000 characters."""
        text = _cut_words(super().formatMessage(record))
        return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}…"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. A word is cut after a ? or ;, as a URL's query is, and at 300 characters."""
        record.exc_text = None  # as another handler may have written it
        return _cut_words(super().format(record)).replace("\n", "\n    ")


def _cut_words(text: str) -> str:
    """Cut words after a ? or ; and at 300 characters. Controls become blanks."""
    return _LONG_WORD.sub(r"\1…", _QUERY.sub(r"\1…", _CONTROLS.sub(" ", text)))


def shown_path(path: str) -> str:
    """Return what may be logged of a path: 300 characters, up to the first that no path of ours has.

    A client that spells its query wrongly has a token in its path, behind `;`, `%3F` or `&`.
    """
    start = path[:WORD_CHARACTERS]
    known = _NO_PATH_OF_OURS.split(start, maxsplit=1)[0]
    return known if known == path else f"{known}…"


def set_up_logging() -> None:
    """Send the log of this process to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Of a request that is no HTTP, tornado.general logs the sender's address and headers, a token among them.
    for name in ("httpx", "httpcore", "asyncio", "pymongo", "PIL", "tornado.general"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of each form that is none
