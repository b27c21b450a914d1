"""The person's side of money: `wx.requestPayment` and `wx.requestMerchantTransfer`, each at its own
address."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta

from devtools.sandbox.base import SandboxHandler, now_ms
from devtools.sandbox.login import Flag, Text, wechat_id
from devtools.sandbox.notices import tell
from devtools.sandbox.orders import describe_order
from devtools.sandbox.signing import signed_by_merchant
from devtools.sandbox.store.merchant import SANDBOX_MCHID
from devtools.sandbox.transfers import find_bill, tell_bill
from server.decoding import decode
from server.settings import SANDBOX_APPID

_Body = TypeVar("_Body", bound=msgspec.Struct)


class WalletFailure(Exception):
    """What the mini-program's `fail` callback gets."""


class Wallet(SandboxHandler):
    """Answers `errMsg` as the functions of `wx` do: with HTTP 200, or 400 if it failed."""

    name: ClassVar[str]
    said: Mapping[str, str] = {}  # what the answer holds besides `errMsg`

    def read(self, kind: type[_Body]) -> _Body:
        """Return the body, JSON or a form, as a `kind`. Raises WalletFailure."""
        if self.request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            values: Any = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        else:
            try:
                values = decode(self.request.body)
            except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
                raise WalletFailure(str(error)) from None
        try:
            return msgspec.convert(values, kind, strict=False)
        except msgspec.ValidationError as error:
            raise WalletFailure(str(error)) from None

    async def post(self) -> None:
        """Act, and answer how it went."""
        try:
            said = await self.act()
        except WalletFailure as failure:
            self.set_status(400)
            said = f"fail {failure}"
        self.write_json({"errMsg": f"{self.name}:{said}", **self.said})

    async def act(self) -> str:
        """Act; return what follows the name in `errMsg`. Raises WalletFailure."""
        raise NotImplementedError


class PaymentRequest(msgspec.Struct, rename="camel"):
    """What `wx.requestPayment` takes, with the appid of its mini-program.

    `decline`: the person cancels. `credit`: they pay by a credit card. `bank_type` is WeChat's name of their
    means of payment; "-": WeChat does not tell. `coupon_fen` are paid by a coupon.
    """

    app_id: str
    time_stamp: str
    nonce_str: str
    package: str
    sign_type: Literal["RSA"]
    pay_sign: str
    decline: Flag = 0
    credit: Flag = 0
    bank_type: Annotated[str, Meta(max_length=32)] = ""
    coupon_fen: Annotated[int, Meta(ge=0)] = 0


class PayOrder(Wallet):
    """POST /sandbox/pay."""

    name = "requestPayment"

    async def act(self) -> str:
        """Pay the order that the merchant signed for."""
        asked = self.read(PaymentRequest)
        pairs = await self.state.keys.find()
        text = f"{asked.app_id}\n{asked.time_stamp}\n{asked.nonce_str}\n{asked.package}\n"
        if (
            pairs is None
            or asked.app_id != SANDBOX_APPID
            or not signed_by_merchant(pairs, text, asked.pay_sign)
        ):
            raise WalletFailure("支付验证签名失败")
        if not asked.package.startswith("prepay_id="):
            raise WalletFailure("缺少参数 prepay_id")
        if asked.decline:
            return "fail cancel"
        prepay_id = asked.package.removeprefix("prepay_id=")
        bank_type = asked.bank_type or ("CMB_CREDIT" if asked.credit else "OTHERS")
        order = await self.state.pay.pay_order(prepay_id, bank_type.strip("-"), asked.coupon_fen, now_ms())
        if order is None:
            raise WalletFailure("订单已支付、已关闭或不存在")
        await tell(
            self.context, "TRANSACTION.SUCCESS", order["_id"], order["notify_url"], describe_order(order)
        )
        return "ok"


class ConfirmationRequest(msgspec.Struct):
    """What `wx.requestMerchantTransfer` takes, and whose WeChat is asked. The bill's package_info may have
    either name."""

    user: Text
    package: str = ""
    package_info: str = ""
    appId: str = SANDBOX_APPID  # noqa: N815  (as in `wx`)
    mchId: str = SANDBOX_MCHID  # noqa: N815
    decline: Flag = 0


class ConfirmBill(Wallet):
    """POST /sandbox/confirm."""

    name = "requestMerchantTransfer"

    async def act(self) -> str:
        """Take the money that a bill offers. After declining, it can still be taken later."""
        asked = self.read(ConfirmationRequest)
        pay = self.state.pay
        found = await pay.bill_of_package(asked.package or asked.package_info)
        if found is None or asked.appId != SANDBOX_APPID or asked.mchId != SANDBOX_MCHID:
            raise WalletFailure("参数错误")
        if found["openid"] != wechat_id("openid", asked.user):
            # https://developers.weixin.qq.com/community/personal/oCJUsw3Xic4fez0dO6_7p7cyFwKo/answer
            raise WalletFailure("你的微信号与商家指定的微信号不一致")
        bill = await find_bill(self.context, found["_id"])
        if bill is None or bill["state"] != "WAIT_USER_CONFIRM" or bill["expires_at_ms"] <= now_ms():
            raise WalletFailure("转账单已收款、已失效或已撤销")
        if asked.decline:
            return "cancel"
        kinds = ("fail", "pending", "deny")
        misbehaviour = await self.state.misbehaviours.take(kinds, bill["_id"], "confirm")
        state = "SUCCESS"
        fail_reason = ""
        if misbehaviour is not None and misbehaviour["what"] == "fail":
            state = "FAIL"
            fail_reason = misbehaviour["code"] or "PAYEE_ACCOUNT_ABNORMAL"
        elif misbehaviour is not None and misbehaviour["what"] == "pending":
            state = "TRANSFERING"
        moved = await pay.move_bill(bill["_id"], ("WAIT_USER_CONFIRM",), state, now_ms(), fail_reason)
        if moved is None:
            raise WalletFailure("转账单已收款、已失效或已撤销")
        await tell_bill(self.context, moved)
        if misbehaviour is not None and misbehaviour["what"] == "deny":
            raise WalletFailure("网络异常")
        return "ok"
