"""What the stand-in's handlers share: how WeChat answers, and how it reports errors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler

from server.context import Context
from server.store.sandbox import SandboxStore

# https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html
ERRMSGS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40029: "invalid code",
    40097: "invalid args",
    40125: "invalid appsecret",
    40163: "code been used",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    43001: "require GET method",
    43002: "require POST method",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
}


class WeChatFailure(Exception):
    """An error code to answer with. The HTTP status is 200, as WeChat's."""

    def __init__(self, errcode: int) -> None:
        self.errcode = errcode
        super().__init__(f"{errcode}: {ERRMSGS[errcode]}")


class SandboxHandler(RequestHandler):
    """Answers in WeChat's JSON, also for errors. Logs no code or key of a request."""

    def initialize(self, context: Context) -> None:
        """Take the context from the route table."""
        self.context = context
        self.state = state_of(context)

    def set_default_headers(self) -> None:
        """Forbid caching."""
        self.set_header("Cache-Control", "no-store")

    def write_json(self, answer: Mapping[str, object]) -> None:
        """Answer JSON, as text/plain like WeChat."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(msgspec.json.encode(answer))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer WeChat's error code for what was raised."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, WeChatFailure):
            self.set_status(200)
            errcode = error.errcode
        elif status_code == 405:
            errcode = 43001 if self.request.method == "POST" else 43002
        else:
            errcode = -1 if status_code >= 500 else 40097
        self.write_json({"errcode": errcode, "errmsg": ERRMSGS[errcode]})

    def log_exception(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Log bugs only: an answered error code is not one."""
        if not isinstance(error, WeChatFailure | HTTPError):
            app_log.error("%s failed", type(self).__name__, exc_info=error)


def state_of(context: Context) -> SandboxStore:
    """Return the stand-in's store. Raises RuntimeError if WeChat is configured."""
    if context.sandbox is None:
        raise RuntimeError("WeChat is configured: its sandbox keeps nothing")
    return context.sandbox


def now_ms() -> int:
    """Return the unix time in milliseconds."""
    return int(time.time() * 1000)
