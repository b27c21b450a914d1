"""WeChat as this server uses it: login codes, user data, the access token, codes, messages, content checks.

The same code talks to WeChat and to its sandbox; only the base URL differs. Nothing here reads a request of
the mini-program or decides what a person may do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from server.errors import BadUserData, WeChatBusy
from server.store.leases import Leases
from server.wechat.api import Api, Unanswered, WeChatError
from server.wechat.content import UNCHECKED, Result
from server.wechat.shipping import shipping_info
from server.wechat.tokens import AccessToken
from server.wechat.user_data import Id, UserData, decrypt_user

__all__ = ["Session", "Unanswered", "UserData", "WeChat", "WeChatError", "decrypt_user"]

# "invalid or not latest", "invalid" and "expired": each means that we need a new token.
_TOKEN_REFUSED = frozenset({40001, 40014, 42001})
# Long, because nobody waits for a message, and because a message that WeChat takes after this time ends as
# unclear.
MESSAGE_CALL_SECONDS = 20.0
# Two calls and a new token together take less than the lease of `server/store/due.py`.
MESSAGE_SECONDS = 45.0
# The most characters of one msg_sec_check.
TEXT_CHARACTERS = 2500
# The person has not been in the mini-program for two hours, so WeChat checks nothing of theirs.
_NOT_THERE = 61010
_PICTURE_TYPE = 2
_Answer = TypeVar("_Answer", bound=msgspec.Struct)
_Found = TypeVar("_Found")
Version: TypeAlias = Literal["formal", "trial", "developer"]
_ENV_VERSIONS: dict[Version, str] = {"formal": "release", "trial": "trial", "developer": "develop"}
# The scene of getUserRiskRank that is about cheating for prizes.
_MARKETING = 1
# How long an answer of WeChat about the mini-program counts, and how long its refusal to answer counts.
_MANAGED_SECONDS = 3600.0
_UNTOLD_SECONDS = 60.0
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class Session(msgspec.Struct, frozen=True):
    """The person of a login code. `session_key` decrypts their user data and is used for nothing else.

    `unionid` is None if the mini-program is not bound to an Open Platform account.
    """

    openid: Id
    session_key: str
    unionid: Id | None = None

    def __repr__(self) -> str:
        return "Session(…)"  # logs and errors must show neither the key nor the person


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int


class _Done(msgspec.Struct):
    """The answer to a call that only acts. `call` has read its error code, which a real answer must have."""

    errcode: int


class _Checked(msgspec.Struct):
    result: Result


class _Traced(msgspec.Struct):
    trace_id: str


class _Rank(msgspec.Struct):
    risk_rank: Annotated[int, Meta(ge=0, le=4)]


class _Managed(msgspec.Struct):
    is_trade_managed: bool


class _OrderState(msgspec.Struct):
    order_state: int


class _Order(msgspec.Struct):
    order: _OrderState


class WeChat:
    """One mini-program's connection to WeChat; one per process.

    `base_url` has no trailing slash. A busy WeChat is asked once more, so a call takes at most twice
    `call_seconds`; only messages may take longer. Every method raises WeChatBusy if WeChat does not answer or
    answers nonsense. It raises WeChatError for an error code that only the operator can do something about.
    """

    def __init__(
        self,
        appid: str,
        secret: str,
        base_url: str,
        leases: Leases,
        call_seconds: float = 6.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.appid = appid
        self._secret = secret
        self._clock = clock
        self._api = Api(base_url, call_seconds)
        # Calls that nobody waits for have connections of their own, so that they take no connection from
        # logins.
        self._aside = Api(base_url, call_seconds)
        self._patient = Api(base_url, MESSAGE_CALL_SECONDS)
        self._token = AccessToken(appid, leases, self._fetch_token)
        self._managed: bool | WeChatError = False
        self._managed_until = float("-inf")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._aside.aclose()
        await self._patient.aclose()

    async def code_to_session(self, code: str) -> Session:
        """Spend a login code (`jscode2session`).

        Raises BadLoginCode if the code is unknown, expired or used, LoginBlocked if the person is blocked.
        """
        parameters = {
            "appid": self.appid,
            "secret": self._secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        return await self._api.read("GET", "/sns/jscode2session", Session, parameters)

    def decrypt_user(self, session: Session, iv: str, encrypted_data: str) -> UserData:
        """Return the user data that WeChat encrypted for `session` and this appid. Raises BadUserData."""
        user = decrypt_user(session.session_key, iv, encrypted_data, self.appid)
        if user.open_id not in (None, session.openid):
            raise BadUserData
        return user

    async def access_token(self) -> str:
        """Return the token that all processes share. It stays valid for at least some minutes."""
        return await self._token.current()

    async def mini_program_code(self, scene: str, page: str, opens: Version = "formal") -> bytes:
        """Return the picture (JPEG or PNG) of a code that opens `page` with `scene` (`getwxacodeunlimit`).

        `scene`: 1 to 32 of `[0-9A-Za-z!#$&'()*+,/:;=?@._~-]`. `page`: no leading slash, no query; "" is the
        home page. `opens` is the version of the mini-program. Only in the released one does WeChat check that
        the page exists.
        https://developers.weixin.qq.com/minigame/dev/api-backend/open-api/qr-code/wxacode.getUnlimited.html
        """
        body: dict[str, object] = {"scene": scene, **({"page": page} if page else {})}
        if opens != "formal":
            body |= {"env_version": _ENV_VERSIONS[opens], "check_path": False}
        return await self._with_token(lambda token: self._draw_code(token, body))

    async def check_text(self, openid: str, scene: int, text: str) -> Result:
        """Return what WeChat thinks of a text by this person (`msg_sec_check`, version 2).

        `scene` is 1 for a profile, 3 for a forum. A text of more than TEXT_CHARACTERS takes several calls;
        the worst result counts.
        https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html
        """
        worst = Result("pass")
        for at in range(0, len(text), TEXT_CHARACTERS):
            piece = {
                "version": 2,
                "openid": openid,
                "scene": scene,
                "content": text[at : at + TEXT_CHARACTERS],
            }
            result = await self._check_piece(piece)
            if result.suggest == "risky":
                return result
            if result.suggest == "review":
                worst = result
        return worst

    async def _check_piece(self, piece: dict[str, object]) -> Result:
        try:
            return (await self._post("/wxa/msg_sec_check", _Checked, piece)).result
        except WeChatError as error:
            if error.errcode != _NOT_THERE:
                raise
            return UNCHECKED

    async def check_picture(self, openid: str, scene: int, url: str) -> str | None:
        """Ask WeChat to check a picture (`media_check_async`, version 2); return the trace_id of the result.

        The result is pushed within 30 minutes. Returns None if WeChat does not check it, because the person
        was not in the mini-program for two hours. `url` must be one that WeChat can read.
        https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync
        """
        asked = {
            "version": 2,
            "openid": openid,
            "scene": scene,
            "media_type": _PICTURE_TYPE,
            "media_url": url,
        }
        try:
            return (await self._post("/wxa/media_check_async", _Traced, asked)).trace_id
        except WeChatError as error:
            if error.errcode != _NOT_THERE:
                raise
            return None

    async def _with_token(self, call: Callable[[str], Awaitable[_Found]]) -> _Found:
        """Call with the access token. If WeChat refuses this token, call again with the token that WeChat
        then gives.

        If WeChat refuses the second token too, force a new one and call for the last time.
        """
        token = await self._token.current()
        for force in (False, True):
            try:
                return await call(token)
            except WeChatError as error:
                if error.errcode not in _TOKEN_REFUSED:
                    raise
            token = await self._token.current(refused=token, force=force)
        return await call(token)

    async def _post(
        self, path: str, kind: type[_Answer], body: Mapping[str, object], api: Api | None = None
    ) -> _Answer:
        """Return the answer to a call with the access token; without `api`, a call that nobody waits for."""
        through = api or self._aside
        return await self._with_token(
            lambda token: through.read("POST", path, kind, {"access_token": token}, body)
        )

    async def risk_rank(self, openid: str, address: str) -> int:
        """Return WeChat's risk rank of a person who plays for money, 0 to 4 (`getUserRiskRank`).

        `address` is the person's IP. WeChatError 61010: they were not in the mini-program for two hours.

        https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/safety-control-capability/api_getuserriskrank.html
        """
        asked = {"appid": self.appid, "openid": openid, "scene": _MARKETING, "client_ip": address}
        return (await self._post("/wxa/getuserriskrank", _Rank, asked)).risk_rank

    async def is_trade_managed(self) -> bool:
        """Return whether each payment must be reported (`isTradeManaged`).

        An answer holds for an hour, and a refusal for a minute, since each order that waits asks.
        https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_istrademanaged
        """
        now = self._clock()
        if now > self._managed_until:
            path = "/wxa/sec/order/is_trade_managed"
            body = {"appid": self.appid}
            try:
                found = await self._post(path, _Managed, body)
                self._managed = found.is_trade_managed
                self._managed_until = now + _MANAGED_SECONDS
            except WeChatError as refused:
                self._managed = refused
                self._managed_until = now + _UNTOLD_SECONDS
        if isinstance(self._managed, WeChatError):
            raise self._managed.with_traceback(None)
        return self._managed

    async def order_state(self, transaction_id: str) -> int:
        """Return how far WeChat's 发货信息管理 is with a payment (`getOrder`): 1 to 6.

        https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_getorder.html
        """
        asked = {"transaction_id": transaction_id}
        return (await self._post("/wxa/sec/order/get_order", _Order, asked)).order.order_state

    async def report_delivery(self, transaction_id: str, openid: str, kind: str, now_ms: int) -> None:
        """Report that what `openid` paid for was delivered (`uploadShippingInfo`). Raises WeChatError if
        refused.

        `server/wechat/shipping.py` says which refusals mean that it was reported before.
        """
        body = shipping_info(transaction_id, openid, kind, now_ms)
        await self._post("/wxa/sec/order/upload_shipping_info", _Done, body)

    async def send_message(
        self, openid: str, template_id: str, data: Mapping[str, object], page: str, opens: str
    ) -> None:
        """Send a message for which the person gave their consent (`subscribeMessage.send`).

        `page` may have a query; "" opens nothing. `opens` is formal, trial or developer. Raises WeChatError:
        it was not sent (43101: there is no consent; 47003: a field is wrong; 40003: the openid is wrong).
        Raises Unanswered: WeChat did not acknowledge it, and may have sent it. Raises WeChatBusy otherwise:
        WeChat was not asked, or says that it is busy.

        https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
        """
        body = {
            "touser": openid,
            "template_id": template_id,
            "data": data,
            "miniprogram_state": opens,
            "lang": "zh_CN",
            **({"page": page} if page else {}),
        }
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                await self._post("/cgi-bin/message/subscribe/send", _Done, body, self._patient)
        except TimeoutError:
            raise Unanswered from None

    async def _draw_code(self, token: str, body: Mapping[str, object]) -> bytes:
        content = await self._api.call("POST", "/wxa/getwxacodeunlimit", {"access_token": token}, body)
        if not content.startswith(_PICTURES):
            raise WeChatBusy
        return content

    async def _fetch_token(self, force_refresh: bool) -> tuple[str, int]:
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": self._secret,
            "force_refresh": force_refresh,
        }
        try:
            found = await self._api.read("POST", "/cgi-bin/stable_token", _Token, {}, body)
        except Unanswered:
            raise WeChatBusy from None  # without the token the call was not made
        return found.access_token, found.expires_in
