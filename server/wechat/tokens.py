"""The access token. Each process asks WeChat for it: as long as the token is valid, all get the same one.

If WeChat refuses a token, the process asks for another token, without force. If WeChat refuses that token
too, the process forces a renewal. A forced renewal ends the previous token for all processes; WeChat allows
twenty a day, 30 s apart:
https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial

from server.errors import WeChatBusy
from server.game.amounts import DAY_MS
from server.runtime.deadline import paused
from server.runtime.single_flight import SingleFlight
from server.store.leases import Leases

# WeChat begins to hand out the next token when the current one has five minutes left.
FRESH_SECONDS = 300
# The time between two forced renewals, whichever processes force them: so there are at most twenty a day.
FORCED_APART_MS = DAY_MS // 20
# The time between two forced renewals if WeChat did not answer the first. Two calls with their timeouts
# take less.
FORCED_AGAIN_MS = 30_000

_log = logging.getLogger(__name__)


class AccessToken:
    """The token of one appid. `fetch(force_refresh)` asks WeChat for a token and its lifetime in seconds."""

    def __init__(
        self, appid: str, leases: Leases, fetch: Callable[[bool], Awaitable[tuple[str, int]]]
    ) -> None:
        self._appid = appid
        self._leases = leases
        self._fetch = fetch
        self._renewals = SingleFlight[tuple[str | None, bool], str]()
        self._token = ""
        self._until = 0.0

    async def current(self, refused: str | None = None, *, force: bool = False) -> str:
        """Return a token that is valid for some minutes. `refused` is a token that WeChat has just refused.

        Pass `force` if the token that WeChat gave in its place was refused too; it may have been the same
        token. Raises what `fetch` raises, and WeChatBusy if no renewal may be forced now.
        """
        if self._token != refused and time.monotonic() < self._until:
            return self._token
        with paused():
            return await self._renewals.result((refused, force), partial(self._renew, force))

    async def _renew(self, force: bool) -> str:
        lease = f"token:{self._appid}"
        holder = secrets.token_hex(8)
        if force and (await self._leases.acquire(lease, holder, FORCED_AGAIN_MS))["holder"] != holder:
            _log.warning("WeChat refuses the access token that it gives, and none may be forced now")
            raise WeChatBusy
        asked_at = time.monotonic()
        self._token, seconds = await self._fetch(force)
        self._until = asked_at + seconds - FRESH_SECONDS
        if force:
            await self._leases.renew(lease, holder, FORCED_APART_MS)
        return self._token
