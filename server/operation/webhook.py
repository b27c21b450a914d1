"""Telling a group's robot, or any URL, that alarms begin and end. One POST may tell of several alarms.

The forms are those of 企业微信's group robots (developer.work.weixin.qq.com, path/91770) and of 钉钉's custom
robots (open.dingtalk.com, custom-robot-access). Any other address gets plain JSON,
unless ALARM_WEBHOOK_FORM says otherwise.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec

from server.decoding import decode
from server.game.amounts import BEIJING
from server.operation.alarms import Row, titles_of
from server.security.certificates import trusted
from server.settings import Settings
from server.store.alarms import AlarmRow

POST_SECONDS = 5.0
# The longest text that 企业微信 takes; 钉钉 takes longer ones.
TEXT_BYTES = 2048
REPLY_BYTES = 16 << 10

Form = Literal["json", "wecom", "dingtalk"]
_FORMS: dict[str, Form] = {"qyapi.weixin.qq.com": "wecom", "oapi.dingtalk.com": "dingtalk"}

class NotTold(Exception):
    """The webhook did not take the message. The text says why, without the address, which holds a key."""


class Event(msgspec.Struct, frozen=True):
    """An alarm begins or ends, at `at` (unix ms). An event that is told twice has the same `id` both
    times."""

    id: str
    event: Literal["begin", "end"]
    kind: str
    title: str
    code: str
    what: str
    values: tuple[str, ...]
    at: int
    url: str


class _RobotReply(msgspec.Struct):
    errcode: int


class Webhook:
    """One address. Use `tell`; nothing is remembered between calls."""

    def __init__(self, settings: Settings, table: tuple[Row, ...]) -> None:
        self._titles = titles_of(table)
        self._url = settings.alarm_webhook
        self._secret = settings.alarm_webhook_secret
        self._screen = f"{settings.public_url}/ops"
        host = urlsplit(self._url).hostname or ""
        self._form: Form = settings.alarm_webhook_form or _FORMS.get(host, "json")

    @property
    def wanted(self) -> bool:
        """Whether there is an address."""
        return bool(self._url)

    def untold(self, alarm: AlarmRow) -> list[Event]:
        """Return the events of which nobody was told yet: that an alarm began, that it ended."""
        if not self.wanted:
            return []
        events = [] if alarm["told"] else [self._event("begin", alarm, alarm["begin_at"])]
        return [*events, self._event("end", alarm, alarm["end_at"])] if alarm["end_at"] else events

    def _event(self, event: Literal["begin", "end"], alarm: AlarmRow, at: int) -> Event:
        kind = alarm["kind"]
        code = alarm["code"]
        url = f"{self._screen}#/task/{code}" if code else self._screen
        told = (alarm["what"], tuple(alarm["values"]))
        name = f"{alarm['key']}@{alarm['begin_at']}:{event}"
        title = self._titles.get(kind, kind)  # the alarm may have begun when the table had more rows
        return Event(name, event, kind, title, code, *told, at, url)

    async def tell(self, events: list[Event]) -> None:
        """POST events. Returns once the events are taken, within POST_SECONDS; raises NotTold."""
        try:
            async with (
                asyncio.timeout(POST_SECONDS),  # httpx's own limit is for each read
                httpx.AsyncClient(timeout=POST_SECONDS, verify=trusted()) as http,
                http.stream("POST", self._address(), json=self._body(events)) as reply,
            ):
                await self._check(reply)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotTold(type(error).__name__) from None

    def _body(self, events: list[Event]) -> dict[str, Any]:
        if self._form == "json":
            return {"events": msgspec.to_builtins(events)}
        text = "\n".join(["【挖宝告警】", *map(_line, events)]).encode()
        if len(text) > TEXT_BYTES:
            text = text[: TEXT_BYTES - 3].decode(errors="ignore").encode() + "…".encode()
        return {"msgtype": "text", "text": {"content": text.decode()}}

    def _address(self) -> httpx.URL:
        """Return the address, signed for 钉钉 if there is a secret: HMAC-SHA256 of time and secret."""
        address = httpx.URL(self._url)
        if self._form != "dingtalk" or not self._secret:
            return address
        timestamp = str(time.time_ns() // 1_000_000)
        signed = hmac.digest(self._secret.encode(), f"{timestamp}\n{self._secret}".encode(), hashlib.sha256)
        sign = base64.b64encode(signed).decode()
        return address.copy_merge_params({"timestamp": timestamp, "sign": sign})

    async def _check(self, reply: httpx.Response) -> None:
        """Raise NotTold unless the reply says that the message was taken."""
        if not reply.is_success:
            raise NotTold(f"HTTP {reply.status_code}")
        if self._form == "json":
            return
        text = b""
        async for piece in reply.aiter_bytes():
            text += piece
            if len(text) > REPLY_BYTES:
                raise NotTold("the reply is too long")
        try:
            errcode = decode(text, _RobotReply).errcode
        except ValueError:
            raise NotTold("the reply is no robot's") from None
        if errcode:
            raise NotTold(f"errcode {errcode}")


def _line(event: Event) -> str:
    said = "开始" if event.event == "begin" else "恢复"
    at = datetime.fromtimestamp(event.at / 1000, BEIJING).strftime("%m-%d %H:%M:%S")
    about = f" {event.code}" if event.code else ""
    return f"{said}：{event.title}{about}（{at}）{event.url}"
