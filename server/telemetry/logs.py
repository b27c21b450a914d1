"""The log's format: one line per event, in UTC.

Queries of URLs carry ids and tokens, and MongoDB's errors carry the values that were written. Both are cut
here, in the lines of libraries too.
"""

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from traceback import format_tb, walk_tb
from types import TracebackType

from cachetools import TTLCache

from server.telemetry.streams import queue_streams

WORD_CHARACTERS = 300
MESSAGE_CHARACTERS = 2000
# Strangers choose the text that these two patterns are matched with. Neither backtracks, so matching takes
# linear time.
_QUERY = re.compile(r"([?;])\S+")
_LONG_WORD = re.compile(rf"(?<!\S)(\S{{{WORD_CHARACTERS}}})\S+")
# All that breaks a line or moves a terminal's cursor, except the newline, which is indented.
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_ROOT = f"{Path(__file__).parents[2]}/"
_OURS = f"{_ROOT}server/", f"{_ROOT}handlers/", f"{_ROOT}devtools/"
_NEVER_IN_OUR_PATHS = re.compile(r"[^0-9A-Za-z/_.-]")


STACK_SECONDS = 60.0
PLACES_KEPT = 1000


class OneLine(logging.Formatter):
    """One line per event. A traceback follows it indented, so that no input can pass for an event.

    Each place logs one traceback in STACK_SECONDS, so that a failing store does not fill the disk.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s %(message)s")
        # The places whose traceback was logged lately.
        self._shown = TTLCache[str, None](PLACES_KEPT, STACK_SECONDS, clock)

    def formatException(  # noqa: N802  (logging's name)
        self,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return the traceback. If MongoDB's driver raised one of its errors, leave out the errors' texts.

        If a traceback of the same place was logged lately, return the place alone.
        """
        chain = []
        error = exc_info[1]
        while error is not None:
            chain.append(type(error))
            error = error.__cause__ or error.__context__
        place = _place_of(exc_info[2], chain)
        if place in self._shown:
            return f"{place}: as within the last minute"
        self._shown[place] = None
        if not any(kind.__module__.partition(".")[0] == "pymongo" for kind in chain):
            return super().formatException(exc_info)
        return "".join(format_tb(exc_info[2])) + " from ".join(kind.__qualname__ for kind in chain)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """Return the line without a traceback, cut at 2,000 characters."""
        text = _cut_words(super().formatMessage(record))
        return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}…"

    def format(self, record: logging.LogRecord) -> str:
        """Return line and traceback. Words are cut after ? or ; (a URL's query) and at 300 characters."""
        record.exc_text = None  # another handler may have cached it
        text = super().format(record)
        if record.exc_info or record.stack_info:  # else `formatMessage` has cut all of it
            text = _cut_words(text)
        return text.replace("\n", "\n    ")


def _place_of(trace: TracebackType | None, chain: list[type[BaseException]]) -> str:
    """Return the names of the exceptions, and the innermost line of our code in the traceback.

    If no line is of our code, return the innermost line of all.
    """
    ours = theirs = ""
    for frame, line in walk_tb(trace):
        theirs = f"{frame.f_code.co_filename}:{line}"
        ours = theirs if theirs.startswith(_OURS) else ours
    return f"{' from '.join(kind.__qualname__ for kind in chain)} at {(ours or theirs).removeprefix(_ROOT)}"


def _cut_words(text: str) -> str:
    """Cut words after ? or ; and at 300 characters. Controls become spaces."""
    return _LONG_WORD.sub(r"\1…", _QUERY.sub(r"\1…", _CONTROLS.sub(" ", text)))


def shown_path(path: str) -> str:
    """Return the start of a path for the log: up to a character that no path of ours has, at most 300.

    If a client spells its query wrongly, its path holds a token, behind `;`, `%3F` or `&`.
    """
    start = path[:WORD_CHARACTERS]
    known = _NEVER_IN_OUR_PATHS.split(start, maxsplit=1)[0]
    return known if known == path else f"{known}…"


def set_up_logging() -> None:
    """Send the log of this process to its standard error. Nothing that it prints waits for a reader."""
    queue_streams()
    # Switch off what logging would look up for each line although no line shows it; `_srcfile` is for the
    # caller's place: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # tornado.general would log address and headers of a request that is no HTTP, with the token.
    for name in ("httpx", "httpcore", "asyncio", "pymongo", "PIL", "tornado.general"):
        logging.getLogger(name).setLevel(logging.WARNING)
