"""发货信息管理: `is_trade_managed` and `upload_shipping_info`, for the orders of the only merchant.

https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_uploadshippinginfo
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from devtools.sandbox.base import WeChatFailure, now_ms
from devtools.sandbox.store.merchant import SANDBOX_MCHID
from devtools.sandbox.store.pay import SandboxOrder
from devtools.sandbox.wechat_call import WeChatCall

SHIPPING_CALLS = ("shipping", "managed", "get_order")
SHIPPING_MISBEHAVIOURS = ("refuse", "error_before", "error_after", "slow", "garbage", "managed")
# 支付后订单需要入库: before that, the payment does not exist here.
# https://developers.weixin.qq.com/community/develop/doc/00022457990e5069d6712332766c00
LISTED_AFTER_MS = 60_000
EXPRESS = 1
MOST_PARCELS = 15
MOST_CHARACTERS = 120

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class OrderKey(msgspec.Struct):
    """Which payment a report is about: by mchid and out_trade_no (1), or by transaction_id (2)."""

    order_number_type: int = 0
    transaction_id: str = ""
    mchid: str = ""
    out_trade_no: str = ""


class Parcel(msgspec.Struct):
    """What is delivered, and how."""

    item_desc: str = ""
    tracking_no: str = ""
    express_company: str = ""


class Payer(msgspec.Struct):
    """The person who paid."""

    openid: str = ""


class ShippingRequest(msgspec.Struct):
    """What upload_shipping_info takes."""

    order_key: OrderKey
    logistics_type: int = 0
    delivery_mode: int = 0
    shipping_list: list[Parcel] = []
    upload_time: str = ""
    payer: Payer = msgspec.field(default_factory=Payer)
    is_all_delivered: bool | None = None


class ManagedRequest(msgspec.Struct):
    """What is_trade_managed takes."""

    appid: str = ""


class IsTradeManaged(WeChatCall):
    """POST /wxa/sec/order/is_trade_managed: false, unless told `managed`."""

    call = "managed"
    takes = ManagedRequest
    misbehaviours = SHIPPING_MISBEHAVIOURS
    refuses_with = 48001

    async def act(self, asked: ManagedRequest) -> None:
        """Check the request."""
        if not asked.appid:
            raise WeChatFailure(40097)
        if asked.appid != self.context.settings.appid:
            raise WeChatFailure(40013)

    async def answer(self, asked: ManagedRequest) -> Mapping[str, object]:
        """Return whether reports are needed."""
        del asked
        return {"is_trade_managed": self.told is not None and self.told["what"] == "managed"}


class OrderRequest(msgspec.Struct):
    """What get_order takes."""

    transaction_id: str = ""


class GetOrder(WeChatCall):
    """POST /wxa/sec/order/get_order. A misbehaviour `state` says that the order's state is `code`."""

    call = "get_order"
    takes = OrderRequest
    misbehaviours = (*SHIPPING_MISBEHAVIOURS, "state")
    refuses_with = 10060001

    async def answer(self, asked: OrderRequest) -> Mapping[str, object]:
        """Return how far the order is: 1 is 待发货, 2 已发货, 5 已退款."""
        order = await self.state.pay.order_of_transaction(asked.transaction_id)
        if order is None:
            raise WeChatFailure(10060001)
        state = 2 if order.get("shipped") else 1 if order["refundable_fen"] else 5
        if self.told is not None and self.told["what"] == "state":
            state = int(self.told["code"])
        return {"order": {"transaction_id": asked.transaction_id, "order_state": state}}


class UploadShippingInfo(WeChatCall):
    """POST /wxa/sec/order/upload_shipping_info."""

    call = "shipping"
    takes = ShippingRequest
    misbehaviours = SHIPPING_MISBEHAVIOURS
    refuses_with = 10060012

    def number(self, asked: ShippingRequest) -> str:
        """Return the payer's openid."""
        return asked.payer.openid

    async def act(self, asked: ShippingRequest) -> None:
        """Note that a payment was delivered."""
        for errcode in _faults(asked):
            raise WeChatFailure(errcode)
        await self._ship(await self._find(asked), asked)

    async def _find(self, asked: ShippingRequest) -> SandboxOrder:
        key = asked.order_key
        if key.order_number_type == 2:
            order = await self.state.pay.order_of_transaction(key.transaction_id)
        else:
            order = await self.state.pay.find_order(key.out_trade_no) if key.mchid == SANDBOX_MCHID else None
        if order is None or not 0 < order["paid_at_ms"] <= now_ms() - LISTED_AFTER_MS:
            raise WeChatFailure(10060001)
        if order["openid"] != asked.payer.openid:
            raise WeChatFailure(10060031)
        return order

    async def _ship(self, order: SandboxOrder, asked: ShippingRequest) -> None:
        shipped = order.get("shipped", [])
        info = msgspec.json.encode((asked.logistics_type, asked.delivery_mode, asked.shipping_list)).decode()
        if info in shipped[-1:]:
            raise WeChatFailure(10060023)
        if not order["refundable_fen"]:
            raise WeChatFailure(10060004)
        if not await self.state.pay.ship_order(order["_id"], info):
            raise WeChatFailure(10060003)


def _faults(asked: ShippingRequest) -> Iterator[int]:
    """Yield the error code of each fault of a request."""
    key = asked.order_key
    parcels = asked.shipping_list
    if key.order_number_type not in (1, 2):
        yield 268485194
    if key.order_number_type == 2 and not key.transaction_id:
        yield 268485195
    if key.order_number_type == 1 and not key.mchid:
        yield 268485196
    if key.order_number_type == 1 and not key.out_trade_no:
        yield 268485197
    if asked.logistics_type not in (1, 2, 3, 4):
        yield 10060005
    yield from _faults_of_mode(asked)
    if len(parcels) > MOST_PARCELS:
        yield 10060024
    for parcel in parcels:
        yield from _faults_of_parcel(parcel, express=asked.logistics_type == EXPRESS)
    if not _RFC3339.fullmatch(asked.upload_time):
        yield 268485216
    if not asked.payer.openid:
        yield 10060014


def _faults_of_mode(asked: ShippingRequest) -> Iterator[int]:
    if asked.delivery_mode not in (1, 2):
        yield 268485224
    if asked.delivery_mode == 1 and len(asked.shipping_list) != 1:
        yield 268485228
    if asked.delivery_mode == 2 and asked.logistics_type != EXPRESS:
        yield 10060006
    if asked.delivery_mode == 2 and asked.is_all_delivered is None:
        yield 10060007


def _faults_of_parcel(parcel: Parcel, *, express: bool) -> Iterator[int]:
    if not parcel.item_desc:
        yield 10060008
    if len(parcel.item_desc) > MOST_CHARACTERS:
        yield 10060009
    if express and not parcel.tracking_no:
        yield 268485226
    if express and not parcel.express_company:
        yield 268485227
