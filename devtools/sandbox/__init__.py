"""WeChat's sandbox for development: routes under `/sandbox` that answer as WeChat's servers do.

The server knows WeChat only by its address, and this package only by the protocol `Sandbox` in
`server/context.py`. Replies have WeChat's shapes, not ours. All state is in MongoDB, so any process can serve
the next request and a restart changes nothing.
"""

from typing import Any, Literal

from tornado.routing import URLSpec

from devtools.sandbox.avatars import Avatar
from devtools.sandbox.codes import MiniProgramCode, StableToken
from devtools.sandbox.content import MediaCheckAsync, MsgSecCheck
from devtools.sandbox.login import Authorize, CodeToSession
from devtools.sandbox.messages import Messages, SendMessage, Subscribe
from devtools.sandbox.misbehaviour import Misbehave
from devtools.sandbox.notices import send_notices
from devtools.sandbox.orders import CloseOrder, MakeOrder, QueryOrder
from devtools.sandbox.reference import described
from devtools.sandbox.refunds import MakeRefund, QueryRefund
from devtools.sandbox.risk import RiskRank
from devtools.sandbox.shipping import GetOrder, IsTradeManaged, UploadShippingInfo
from devtools.sandbox.store import SandboxStore
from devtools.sandbox.transfers import CancelTransfer, MakeTransfer, QueryTransfer
from devtools.sandbox.wallet import ConfirmBill, PayOrder
from server import context as contexts
from server.context import Context
from server.store import Store

__all__ = ["Sandbox", "sandbox_routes", "send_notices"]

_ORDERS = "/sandbox/v3/pay/transactions"
_REFUNDS = "/sandbox/v3/refund/domestic/refunds"
_TRANSFERS = "/sandbox/v3/fund-app/mch-transfer/transfer-bills"
_NUMBER = "([0-9A-Za-z_|*@-]{1,64})"


class Sandbox(SandboxStore, contexts.Sandbox):
    """The collections of the sandbox, its routes, and the notices that it still has to send."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database)

    def routes(self, context: Context) -> list[URLSpec]:
        """Return the routes of `sandbox_routes`."""
        return sandbox_routes(context)

    def described(self, language: Literal["zh", "en"]) -> dict[str, Any]:
        """Return the description of the interfaces that authors of clients call themselves."""
        return described(language)

    async def send_notices(self, context: Context) -> None:
        """Send every notice that is due."""
        await send_notices(context)


def sandbox_routes(context: Context) -> list[URLSpec]:
    """Return the sandbox's routes. Raises RuntimeError in production or if WeChat is configured."""
    if not context.settings.sandboxed or context.settings.app_env == "production":
        raise RuntimeError("the WeChat sandbox lets anybody log in as anybody: it exists in development only")
    handed = {"context": context}
    return [
        URLSpec(r"/sandbox/authorize", Authorize, handed),
        URLSpec(r"/sandbox/avatar/([0-9a-f]{32})\.png", Avatar, handed),
        URLSpec(r"/sandbox/sns/jscode2session", CodeToSession, handed),
        URLSpec(r"/sandbox/cgi-bin/stable_token", StableToken, handed),
        URLSpec(r"/sandbox/wxa/getwxacodeunlimit", MiniProgramCode, handed),
        URLSpec(r"/sandbox/wxa/msg_sec_check", MsgSecCheck, handed),
        URLSpec(r"/sandbox/wxa/media_check_async", MediaCheckAsync, handed),
        URLSpec(rf"{_ORDERS}/jsapi", MakeOrder, handed),
        URLSpec(rf"{_ORDERS}/out-trade-no/{_NUMBER}", QueryOrder, handed),
        URLSpec(rf"{_ORDERS}/out-trade-no/{_NUMBER}/close", CloseOrder, handed),
        URLSpec(_REFUNDS, MakeRefund, handed),
        URLSpec(rf"{_REFUNDS}/{_NUMBER}", QueryRefund, handed),
        URLSpec(_TRANSFERS, MakeTransfer, handed),
        URLSpec(rf"{_TRANSFERS}/out-bill-no/{_NUMBER}", QueryTransfer, handed),
        URLSpec(rf"{_TRANSFERS}/out-bill-no/{_NUMBER}/cancel", CancelTransfer, handed),
        URLSpec(r"/sandbox/wxa/getuserriskrank", RiskRank, handed),
        URLSpec(r"/sandbox/wxa/sec/order/is_trade_managed", IsTradeManaged, handed),
        URLSpec(r"/sandbox/wxa/sec/order/get_order", GetOrder, handed),
        URLSpec(r"/sandbox/wxa/sec/order/upload_shipping_info", UploadShippingInfo, handed),
        URLSpec(r"/sandbox/pay", PayOrder, handed),
        URLSpec(r"/sandbox/confirm", ConfirmBill, handed),
        URLSpec(r"/sandbox/cgi-bin/message/subscribe/send", SendMessage, handed),
        URLSpec(r"/sandbox/subscribe", Subscribe, handed),
        URLSpec(r"/sandbox/messages", Messages, handed),
        URLSpec(r"/sandbox/misbehave", Misbehave, handed),
    ]
