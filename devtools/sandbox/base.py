"""What the sandbox's handlers share: how WeChat answers, and how it reports errors."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler

from devtools.sandbox.store import SandboxStore
from server.context import Context
from server.decoding import decode
from server.store import is_unavailable

# A call that was told to hang closes the connection after this long, if the client still waits.
HANG_SECONDS = 60

_Body = TypeVar("_Body", bound=msgspec.Struct)

# https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html
ERRMSGS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40125: "invalid appsecret",
    40129: "invalid scene",
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
    43108: "Cannot make concurrent calls to the same OpenID, please try again",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45168: "message contains sensitive word",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    61010: "code is expired",
    10060001: "支付单不存在",
    10060002: "支付单已完成发货，无法继续发货",
    10060003: "支付单已使用重新发货机会",
    10060004: "支付单处于不可发货的状态",
    10060005: "物流类型有误",
    10060006: "非快递发货时不允许分拆发货",
    10060007: "分拆发货模式下必须填写 is_all_delivered 字段",
    10060008: "商品描述 item_desc 字段不能为空",
    10060009: "商品描述 item_desc 字段太长",
    10060012: "系统错误",
    10060014: "参数错误",
    10060019: "系统错误",
    10060020: "该笔支付单在没有任何商品描述的情况下不允许完成发货",
    10060023: "发货信息未更新",
    10060024: "物流信息列表太长",
    10060031: "该笔支付单不属于 openid 所指定的用户",
    268485194: "订单单号类型非法",
    268485195: "微信支付单号形式下 transaction_id 字段不能为空",
    268485196: "商户侧单号形式下 mchid 字段不能为空",
    268485197: "商户侧单号形式下 out_trade_no 字段不能为空",
    268485216: "上传时间非法，请按照 RFC 3339 格式填写",
    268485224: "发货模式非法",
    268485226: "物流单号不能为空",
    268485227: "物流公司编码不能为空",
    268485228: "统一发货模式下，物流信息列表长度必须为 1",
}


class WeChatFailure(Exception):
    """An error code to answer with. The HTTP status is 200, as with WeChat. `more` is added to the errmsg."""

    def __init__(self, errcode: int, more: str = "") -> None:
        self.errcode = errcode
        self.more = more
        super().__init__(f"{errcode}: {ERRMSGS[errcode]}")


class SandboxHandler(RequestHandler):
    """Answers in WeChat's JSON, errors too. Logs no code or key of a request."""

    def initialize(self, context: Context) -> None:
        """Take the context from the route table."""
        self.context = context
        self.state = state_of(context)
        self._gone = asyncio.Event()

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
        more = ""
        if isinstance(error, WeChatFailure):
            self.set_status(200)
            errcode = error.errcode
            more = error.more
        elif status_code == 405:
            errcode = 43001 if self.request.method == "POST" else 43002
        else:
            errcode = -1 if status_code >= 500 else 40097
            if is_unavailable(error):
                self.set_status(503)
        self.write_json({"errcode": errcode, "errmsg": ERRMSGS[errcode] + more})

    def on_connection_close(self) -> None:
        """Note that the client is gone."""
        self._gone.set()

    async def keep_waiting(self, seconds: float = HANG_SECONDS) -> None:
        """Let the client wait this long, unless it disconnects first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()

    async def require_token(self) -> None:
        """Raise WeChatFailure unless the query has the access token that is valid."""
        token = self.get_query_argument("access_token", "")
        if not token:
            raise WeChatFailure(41001)
        valid = await self.state.codes.find_token(self.context.settings.appid, now_ms())
        if valid is None or valid["token"] != token:
            raise WeChatFailure(40001)

    def log_exception(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Log bugs only. An error code that was answered is no bug, nor is a store that does not answer."""
        if error is not None and is_unavailable(error):
            self.context.background.failures.note(type(self).__name__, error)
        elif not isinstance(error, WeChatFailure | HTTPError):
            app_log.error("%s failed", type(self).__name__, exc_info=error)


def decoded(body: bytes, kind: type[_Body]) -> _Body:
    """Return a body of JSON as a `kind`. Raises WeChatFailure."""
    try:
        return decode(body, kind)
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        raise WeChatFailure(47001) from None


def state_of(context: Context) -> SandboxStore:
    """Return the sandbox's store. Raises RuntimeError if WeChat is configured."""
    if not isinstance(context.sandbox, SandboxStore):
        raise RuntimeError("WeChat is configured: its sandbox keeps nothing")  # noqa: TRY004  (no wrong type)
    return context.sandbox


def now_ms() -> int:
    """Return the unix time in milliseconds."""
    return int(time.time() * 1000)
