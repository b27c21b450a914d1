"""The access token: one per appid, shared by all processes, kept sealed in a store.

One request leases the renewal, and all others, in this process and elsewhere, wait for the token that it
stores. If WeChat refuses a token, it is asked for one without force. If it refuses that one too, a renewal is
forced. A forced renewal ends the previous token for all processes; WeChat allows twenty a day, 30 s apart:
https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from server.errors import WeChatBusy
from server.game.sealed import Sealed
from server.runtime.deadline import paused
from server.runtime.single_flight import SingleFlight
from server.security.keys import Keys
from server.store.access_tokens import AccessTokens

# WeChat begins to hand out the next token when the current one has five minutes left.
FRESH_MS = 300_000
# Longer than two calls with their timeouts: an older lease is a dead process's.
LEASE_MS = 20_000
# A process reads the token again after this long. If the token was replaced meanwhile, WeChat refuses the old
# one.
REMEMBERED_SECONDS = 10.0
WAIT_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.1
FORCED_A_DAY = 20
FORCED_APART_MS = 30_000

_log = logging.getLogger(__name__)


class AccessToken:
    """The token of one appid. `fetch(force_refresh)` asks WeChat for a token and its lifetime in seconds."""

    def __init__(
        self,
        appid: str,
        tokens: AccessTokens,
        keys: Keys,
        fetch: Callable[[bool], Awaitable[tuple[str, int]]],
    ) -> None:
        self._appid = appid
        self._tokens = tokens
        self._keys = keys
        self._fetch = fetch
        self._renewals = SingleFlight[tuple[str | None, bool], str]()
        self._read: tuple[str, float] | None = None  # a token, and until when it is not read again

    async def current(self, refused: str | None = None, *, force: bool = False) -> str:
        """Return a token that is valid for some minutes. `refused` is a token that WeChat has just refused.

        Pass `force` if the token that WeChat gave in its place was refused too; it may have been the same
        token. Raises what `fetch` raises, and WeChatBusy if another process does not finish its renewal or
        none may be forced.
        """
        if self._read is not None and self._read[0] != refused and time.monotonic() < self._read[1]:
            return self._read[0]
        self._read = None
        token, _ = await self._stored(refused)
        if token is not None:
            self._read = token, time.monotonic() + REMEMBERED_SECONDS
            return token
        with paused():
            return await self._renewals.result((refused, force), partial(self._renewed, refused, force))

    async def _renewed(self, refused: str | None, force: bool) -> str:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    token, sealed = await self._stored(refused)
                    if token is not None:
                        return token
                    if await self._tokens.lease(self._appid, sealed, LEASE_MS):
                        return await self._renew(force)
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            _log.warning("the access token's renewal takes too long")
            raise WeChatBusy from None

    async def _renew(self, force: bool) -> str:
        saved = False
        try:
            if force and not await self._tokens.begin_forcing(self._appid, FORCED_A_DAY, FORCED_APART_MS):
                _log.warning("WeChat refuses the access token that it gives, and none may be forced now")
                raise WeChatBusy
            token, seconds = await self._fetch(force)
            sealed = self._keys.seal("access_token", token.encode(), self._appid)
            await self._tokens.save(self._appid, sealed, seconds * 1000)
            saved = True
            return token
        finally:
            if not saved:
                await self._tokens.release(self._appid)

    async def _stored(self, refused: str | None) -> tuple[str | None, Sealed | None]:
        """Return the stored token, opened and sealed. Opened is None if it is `refused`, too old or
        unreadable."""
        sealed, left_ms = await self._tokens.find(self._appid)
        if sealed is None or left_ms < FRESH_MS:
            return None, sealed
        try:
            token = self._keys.open("access_token", sealed, self._appid).decode()
        except ValueError:
            _log.warning("the stored access token was sealed under another SECRET_KEY; asking for a new one")
            return None, sealed
        return (None if token == refused else token), sealed
