"""Telling an address that alarms begin and end. One POST of JSON may tell of several alarms.

Robots of groups get a text, the same for 企业微信 (developer.work.weixin.qq.com, path/91770) and 钉钉
(open.dingtalk.com, custom-robot-access), which both refuse with an `errcode` in a reply of status 200.
"""

import asyncio
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec

from server.decoding import decode
from server.game.amounts import beijing
from server.operation.alarms import Row, titles_of
from server.security.certificates import trusted
from server.settings import Settings
from server.store.alarms import AlarmRow

POST_SECONDS = 5.0
ROBOTS = ("qyapi.weixin.qq.com", "oapi.dingtalk.com")
TEXT_BYTES = 2048  # what 企业微信 takes; 钉钉 takes more


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
        self._screen = f"{settings.public_url}/ops"
        self._robot = urlsplit(self._url).hostname in ROBOTS

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
            ):
                reply = await http.post(self._url, json=self._body(events))
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotTold(type(error).__name__) from None
        if not reply.is_success:
            raise NotTold(f"HTTP {reply.status_code}")
        if self._robot:
            _check(reply.content)

    def _body(self, events: list[Event]) -> dict[str, Any]:
        if not self._robot:
            return {"events": msgspec.to_builtins(events)}
        text = "\n".join([f"【挖宝告警】{len(events)} 条", *map(_line, events)]).encode()[:TEXT_BYTES]
        return {"msgtype": "text", "text": {"content": text.decode(errors="ignore")}}


def _line(event: Event) -> str:
    said = "开始" if event.event == "begin" else "恢复"
    at = f"{beijing(event.at):%m-%d %H:%M:%S}"
    about = f" {event.code}" if event.code else ""
    return f"{said}：{event.title}{about}（{at}）{event.url}"


def _check(reply: bytes) -> None:
    """Raise NotTold unless a robot says that it took the message."""
    try:
        errcode = decode(reply, _RobotReply).errcode
    except ValueError:
        raise NotTold("the reply is no robot's") from None
    if errcode:
        raise NotTold(f"errcode {errcode}")
