"""How the log looks: one line an event, in UTC. What is worth an event is decided where it happens.

Queries of URLs carry ids and tokens, so they never get here: the access log has paths alone, and what
Tornado itself writes about a request is cut.
"""

from __future__ import annotations

import logging
import re
import time

from tornado.web import RequestHandler

access_log = logging.getLogger("wabao.access")

_QUERY = re.compile(r"(/[^\s?]*)\?\S+")
_PATH_CHARACTERS = 200


class _OneLine(logging.Formatter):
    """A traceback follows its line indented, so that nobody's input can pass for an event of its own."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return _QUERY.sub(r"\1?…", super().format(record)).replace("\n", "\n    ")


def set_up_logging() -> None:
    """Send the log of this process to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "asyncio", "pymongo", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_request(handler: RequestHandler) -> None:
    """Write a finished request as method, path, status and milliseconds: an Application's log_function."""
    status = handler.get_status()
    level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
    request = handler.request
    path = request.path[:_PATH_CHARACTERS]
    access_log.log(level, "%s %s %d %.1f ms", request.method, path, status, 1000 * request.request_time())
