"""Telling an address that alarms begin and end. One POST of JSON may tell of several alarms."""

from __future__ import annotations

import asyncio
from typing import Literal

import httpx
import msgspec

from server.operation.alarms import Row, titles_of
from server.security.certificates import trusted
from server.settings import Settings
from server.store.alarms import AlarmRow

POST_SECONDS = 5.0


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


class Webhook:
    """One address. Use `tell`; nothing is remembered between calls."""

    def __init__(self, settings: Settings, table: tuple[Row, ...]) -> None:
        self._titles = titles_of(table)
        self._url = settings.alarm_webhook
        self._screen = f"{settings.public_url}/ops"

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
                http.stream("POST", self._url, json={"events": msgspec.to_builtins(events)}) as reply,
            ):
                if not reply.is_success:
                    raise NotTold(f"HTTP {reply.status_code}")
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotTold(type(error).__name__) from None
