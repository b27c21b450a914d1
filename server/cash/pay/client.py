"""The one class through which money moves: it calls WeChat Pay, and opens its notices.

`wechatpayv3` signs, verifies and decrypts. This module sends, limits the age of a notice, and returns typed
answers. It also tells what an error means for the money.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import httpx
import msgspec
from cryptography.x509 import load_pem_x509_certificate
from msgspec import Meta
from wechatpayv3.utils import (  # type: ignore[import-untyped]
    aes_decrypt,
    build_authorization,
    load_private_key,
    load_public_key,
    rsa_sign,
    rsa_verify,
)

from server.cash.pay.answers import (
    CURRENCY,
    BillAnswer,
    Contradiction,
    ForgedNotice,
    Notice,
    OrderAmount,
    OrderAnswer,
    PaymentParameters,
    PayRefused,
    PayUnknown,
    RefundAmount,
    RefundAnswer,
)
from server.cash.store.payments import CONTRADICTION
from server.decoding import decode
from server.game.amounts import beijing
from server.settings.merchant import Merchant
from server.wechat.connection import Connection, timed

# WeChat asks that notices and replies older than this be refused.
NOTICE_SECONDS = 300
# 1000 is 现金营销, which must be reported with exactly 活动名称 and 奖励说明.
TRANSFER_SCENE = "1000"
TRANSFERS = "/v3/fund-app/mch-transfer/transfer-bills"
# Our own code for an INVALID_REQUEST that is due to the address from which we called.
ADDRESS_REFUSED = "ADDRESS_REFUSED"
# Our own code for an INVALID_REQUEST that is due to what the merchant has transferred that day.
DAY_REFUSED = "DAY_REFUSED"
ORDERS = "/v3/pay/transactions"
REFUNDS = "/v3/refund/domestic/refunds"

# 商家转账 answers only registered addresses, and refuses others with a code that means many things. Only
# what the operator reads depends on this text. https://pay.weixin.qq.com/doc/v3/merchant/4013751010
_STRANGE_ADDRESS = "此IP地址不允许调用"
# 批量转账 had QUOTA_EXCEED for this. https://developers.weixin.qq.com/community/pay/doc/0000c4ce8fc640598fee2a6e551800
_FULL_DAY = "单日转账额度"
# WeChat has this number already, with another body: of a transfer, or of a refund.
# https://pay.weixin.qq.com/doc/v3/merchant/4012716434 and 4012791862
_OTHER_BODY = ("商户单号已存在", "与首次请求时不一致", "与之前请求不一致")
# WeChat sends these with 4xx or 5xx; they always mean "ask again". Limits of calls have several names:
# https://pay.weixin.qq.com/doc/v3/merchant/4013757784. They come with 429 as a rule:
# https://developers.weixin.qq.com/community/pay/doc/00082c33108b60f232c2013986bc00
_UNCERTAIN = frozenset(
    {
        "SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR", "BANKERROR",
        "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEED", "RATELIMIT_EXCEEDED",
    }
)
# How many cancellations a process asks for a second: WeChat limits them.
CANCELS_A_SECOND = 20
_SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
_HEXADECIMAL = re.compile("[0-9A-Fa-f]{1,64}")
_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class _Failure(msgspec.Struct):
    """The answer to a failed call."""

    code: str = ""
    message: str = ""


class _Prepay(msgspec.Struct):
    """The answer to a new order."""

    prepay_id: Annotated[str, Meta(min_length=1)]


class _Sealed(msgspec.Struct):
    """What a notice tells, encrypted."""

    algorithm: Literal["AEAD_AES_256_GCM"]
    nonce: str
    ciphertext: str
    associated_data: str = ""


class _Notice(msgspec.Struct):
    """The body of a notice."""

    id: str
    event_type: str
    resource_type: Literal["encrypt-resource"]
    resource: _Sealed


class Pay(Connection):
    """One merchant's connection to WeChat Pay for one mini-program; one per process.

    Signed paths begin after `base_url`. WeChat is told to send notices to `notify_url` + /payNotify,
    /refundNotify, /transferNotify.

    Every call raises PayRefused if WeChat says no, and Contradiction if the answer is about something else.
    It raises PayUnknown if the outcome is unknown: no answer in time, a broken connection, WeChat's own
    error, a wrong signature. It also raises PayUnknown if WeChat takes no more calls at this moment.

    `now_ms` dates the parameters of payments, and tells how old a notice is.

    If `merchant` is None, WeChat is configured without payments: every call raises
    PayRefused("NOT_CONFIGURED").
    """

    def __init__(
        self,
        merchant: Merchant | None,
        appid: str,
        base_url: str,
        notify_url: str,
        now_ms: Callable[[], int],
        call_seconds: float = 6.0,
        spare_url: str = "",
    ) -> None:
        super().__init__(base_url, call_seconds, spare_url)
        self.appid = appid
        self.merchant = merchant
        self._mchid = merchant.mchid if merchant is not None else ""
        self._notify_url = notify_url
        self._now_ms = now_ms
        self._next_cancel = 0.0
        # The keys with which WeChat signs, by the name of a key or the serial number of its certificate.
        self._signers: dict[str | int, Any] = {}
        if merchant is not None:
            self._private_key = load_private_key(merchant.private_key)
            self._signers[merchant.public_key_id] = load_public_key(merchant.public_key)
            if merchant.platform_cert:
                certificate = load_pem_x509_certificate(merchant.platform_cert.encode())
                self._signers[certificate.serial_number] = certificate.public_key()

    def _require_merchant(self) -> Merchant:
        if self.merchant is None:
            raise PayRefused("NOT_CONFIGURED", "WECHAT_MCHID and its keys are not set")
        return self.merchant

    # -- paying in

    async def create_order(
        self,
        out_trade_no: str,
        description: str,
        amount_fen: int,
        openid: str,
        expires_at_ms: int,
        *,
        no_credit: bool = False,
    ) -> str:
        """Make an order that `openid` can pay; return its prepay_id, valid for two hours.

        `out_trade_no`: 6 to 32 of `[0-9A-Za-z]`. `description` is cut to WeChat's 127 bytes. With `no_credit`
        no credit card can pay it. Safe to repeat with the same values. Refused with ORDERPAID or ORDER_CLOSED
        if the order is over.
        """
        body: dict[str, object] = {
            "appid": self.appid,
            "mchid": self._mchid,
            "description": _cut(description, 127),
            "out_trade_no": out_trade_no,
            "amount": {"total": amount_fen, "currency": CURRENCY},
            "payer": {"openid": openid},
            "time_expire": beijing(expires_at_ms).isoformat(timespec="seconds"),
            "notify_url": f"{self._notify_url}/payNotify",
        }
        if no_credit:
            # WeChat's own Go library has it, with this type:
            # github.com/wechatpay-apiv3/wechatpay-go, services/payments/jsapi, PrepayRequest.LimitPay.
            body["limit_pay"] = ["no_credit"]
        return (await self._ask(_Prepay, "POST", f"{ORDERS}/jsapi", body)).prepay_id

    def payment_parameters(self, prepay_id: str) -> PaymentParameters:
        """Return what `wx.requestPayment` takes, with a new signature."""
        stamp = str(self._now_ms() // 1000)
        nonce = secrets.token_hex(16)
        package = f"prepay_id={prepay_id}"
        self._require_merchant()
        sign: str = rsa_sign(self._private_key, f"{self.appid}\n{stamp}\n{nonce}\n{package}\n")
        return PaymentParameters(
            package=package, time_stamp=stamp, nonce_str=nonce, sign_type="RSA", pay_sign=sign
        )

    async def query_order(self, out_trade_no: str) -> OrderAnswer:
        """Return the order as WeChat knows it. Refused with ORDER_NOT_EXIST if it was never made."""
        path = f"{ORDERS}/out-trade-no/{out_trade_no}?mchid={self._mchid}"
        answer = await self._ask(OrderAnswer, "GET", path)
        self._check(out_trade_no, answer.out_trade_no, answer.mchid, answer.appid)
        _check_currency(out_trade_no, answer.amount)
        return answer

    async def close_order(self, out_trade_no: str) -> None:
        """Close the order, so that nobody can pay it. Refused with ORDERPAID if it is paid. Safe to
        repeat."""
        try:
            path = f"{ORDERS}/out-trade-no/{out_trade_no}/close"
            merchant = self._require_merchant()
            with timed(_name("POST", path), _is_refusal):
                await self._call(merchant, "POST", path, {"mchid": self._mchid})
        except PayRefused as refused:
            if refused.code not in ("ORDER_CLOSED", "ORDERCLOSED"):
                raise

    # -- paying back

    async def refund(
        self, out_refund_no: str, out_trade_no: str, amount_fen: int, total_fen: int, reason: str
    ) -> RefundAnswer:
        """Refund `amount_fen` of an order of `total_fen`. The same number again gives the same refund.

        `out_refund_no`: at most 64 of `[0-9A-Za-z_|*@-]`. `reason` is shown to the payer, cut to 80 bytes.
        """
        body = {
            "out_refund_no": out_refund_no,
            "out_trade_no": out_trade_no,
            "amount": {"refund": amount_fen, "total": total_fen, "currency": CURRENCY},
            "reason": _cut(reason, 80),
            "notify_url": f"{self._notify_url}/refundNotify",
        }
        return await self._refund(out_refund_no, out_trade_no, "POST", REFUNDS, body)

    async def query_refund(self, out_refund_no: str, out_trade_no: str) -> RefundAnswer:
        """Return an order's refund as WeChat knows it. Refused with RESOURCE_NOT_EXISTS if it was never
        made."""
        return await self._refund(out_refund_no, out_trade_no, "GET", f"{REFUNDS}/{out_refund_no}")

    async def _refund(
        self, out_refund_no: str, out_trade_no: str, method: str, path: str, body: object = None
    ) -> RefundAnswer:
        answer = await self._ask(RefundAnswer, method, path, body)
        self._check(out_refund_no, answer.out_refund_no)
        self._check(out_trade_no, answer.out_trade_no)
        _check_currency(out_refund_no, answer.amount)
        return answer

    # -- paying out

    def transfer_body(
        self, out_bill_no: str, openid: str, amount_fen: int, activity: str, reward: str, remark: str
    ) -> bytes:
        """Return the exact body of a transfer, to be saved before `transfer` first sends it.

        `out_bill_no`: at most 32 of `[0-9A-Za-z]`. `activity` (活动名称) and `reward` (奖励说明) are reported
        to WeChat, `remark` is shown to the person; all three are cut to 32 characters.
        """
        body = {
            "appid": self.appid,
            "out_bill_no": out_bill_no,
            "transfer_scene_id": TRANSFER_SCENE,
            "openid": openid,
            "transfer_amount": amount_fen,
            "transfer_remark": remark[:32],
            "user_recv_perception": "现金奖励",
            "transfer_scene_report_infos": [
                {"info_type": "活动名称", "info_content": activity[:32]},
                {"info_type": "奖励说明", "info_content": reward[:32]},
            ],
            "notify_url": f"{self._notify_url}/transferNotify",
        }
        return msgspec.json.encode(body)

    async def transfer(self, body: bytes) -> BillAnswer:
        """Offer the money to a person, who then confirms. The same body again gives the same bill.

        Refused with NOT_ENOUGH if the operating account (运营账户) cannot pay.
        """
        number = decode(body, dict[str, Any]).get("out_bill_no", "")
        return await self._bill(number, "POST", TRANSFERS, msgspec.Raw(body))

    async def query_transfer(self, out_bill_no: str) -> BillAnswer:
        """Return the bill as WeChat knows it. Refused with NOT_FOUND if it was never made."""
        return await self._bill(out_bill_no, "GET", f"{TRANSFERS}/out-bill-no/{out_bill_no}")

    async def cancel_transfer(self, out_bill_no: str) -> BillAnswer:
        """Cancel the bill, unless the person has confirmed. CANCELING becomes CANCELLED later.

        Many at once wait for their turns, of which there are CANCELS_A_SECOND.
        """
        turn = max(time.monotonic(), self._next_cancel)
        self._next_cancel = turn + 1 / CANCELS_A_SECOND
        await asyncio.sleep(turn - time.monotonic())
        return await self._bill(out_bill_no, "POST", f"{TRANSFERS}/out-bill-no/{out_bill_no}/cancel")

    async def _bill(self, out_bill_no: str, method: str, path: str, body: object = None) -> BillAnswer:
        answer = await self._ask(BillAnswer, method, path, body)
        self._check(out_bill_no, answer.out_bill_no, answer.mch_id or answer.mchid, answer.appid)
        return answer

    # -- notices

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify and decrypt a notice. Raises ForgedNotice; Contradiction if the currency is not ours.

        `headers` are the request's. A notice can be replayed for five minutes, so the caller must act on it
        only once. This checks merchant and mini-program; the caller must compare amounts and numbers.
        """
        if self.merchant is None:
            raise ForgedNotice("there is no merchant to notify")
        found = {name.lower(): value for name, value in headers.items()}
        stamp = found.get("wechatpay-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise ForgedNotice("no timestamp")
        if abs(self._now_ms() / 1000 - int(stamp)) > NOTICE_SECONDS:
            raise ForgedNotice("its timestamp is more than five minutes away")
        if self._signer(found) is None:
            raise ForgedNotice("it is signed under another key, or in another way")
        try:
            if not self._is_signed(found, body.decode()):
                raise ForgedNotice("its signature is wrong")
            notice = decode(body, _Notice)
            sealed = notice.resource
            key = self.merchant.api_v3_key
            opened = aes_decrypt(sealed.nonce, sealed.ciphertext, sealed.associated_data, key)
            if opened is None:
                raise ForgedNotice("it cannot be decrypted")
            resource = self._read(notice.event_type, decode(opened, dict[str, object]))
            return Notice(id=notice.id, event_type=notice.event_type, resource=resource)
        except ValueError as error:  # the errors of UTF-8, base64, cipher and msgspec
            raise ForgedNotice(f"it is no notice: {type(error).__name__}") from None

    def _signer(self, headers: Mapping[str, str]) -> Any:
        """Return the key that headers name, None if WeChat does not sign with it, or signs in another way.

        WeChat signs with the private key of its public key or, while the merchant still changes to public
        keys, with that of its certificate. https://pay.weixin.qq.com/doc/v3/merchant/4012154180
        Not all answers name how they are signed: the examples of
        https://pay.weixin.qq.com/wiki/doc/api_external/ch/wechatpay/wechatpay4_1.shtml do not.
        """
        if headers.get("wechatpay-signature-type", _SIGNATURE_TYPE) != _SIGNATURE_TYPE:
            return None
        serial = headers.get("wechatpay-serial", "")
        return self._signers.get(int(serial, 16) if _HEXADECIMAL.fullmatch(serial) else serial)

    def _is_signed(self, headers: Mapping[str, str], body: str) -> bool:
        """Whether WeChat signed this body. The names of headers are in small letters."""
        key = self._signer(headers)
        stamp, nonce, signature = (
            headers.get(f"wechatpay-{name}", "") for name in ("timestamp", "nonce", "signature")
        )
        return key is not None and bool(rsa_verify(stamp, nonce, body, signature, key))

    def _read(self, event_type: str, resource: dict[str, object]) -> OrderAnswer | RefundAnswer | BillAnswer:
        match event_type.partition(".")[0]:
            case "TRANSACTION":
                order = msgspec.convert(resource, OrderAnswer)
                self._check_ours(order.mchid, order.appid)
                _check_currency(order.out_trade_no, order.amount)
                return order
            case "REFUND":  # its status has another name than in replies
                refund = msgspec.convert({**resource, "status": resource.get("refund_status")}, RefundAnswer)
                self._check_ours(refund.mchid)
                _check_currency(refund.out_refund_no, refund.amount)
                return refund
            case "MCHTRANSFER":
                bill = msgspec.convert(resource, BillAnswer)
                self._check_ours(bill.mch_id or bill.mchid, bill.appid)
                return bill
        raise ForgedNotice("it is of a kind that nobody asked for")

    def _check_ours(self, mchid: str | None, appid: str | None = None) -> None:
        if mchid != self._mchid or appid not in (None, self.appid):
            raise ForgedNotice("it is for another merchant or mini-program")

    # -- calling

    def _check(self, asked: str, number: str, mchid: str | None = None, appid: str | None = None) -> None:
        """Raise Contradiction if an answer is about another number, merchant or mini-program."""
        if number != asked or mchid not in (None, self._mchid) or appid not in (None, self.appid):
            raise Contradiction(f"asked about {asked}, WeChat answers about {number} of {mchid} and {appid}")

    async def _ask(self, kind: type[_Answer], method: str, path: str, body: object = None) -> _Answer:
        merchant = self._require_merchant()
        with timed(_name(method, path), _is_refusal):
            content = await self._call(merchant, method, path, body)
            try:
                return decode(content, kind)
            except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
                raise PayUnknown(f"an answer that WeChat does not document: {type(error).__name__}") from None

    async def _call(self, merchant: Merchant, method: str, path: str, body: object) -> bytes:
        """Return the body of a successful call; else raise PayRefused or PayUnknown."""
        sent = b"" if body is None else msgspec.json.encode(body)
        signed_by = (merchant.mchid, merchant.cert_serial, self._private_key)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Wechatpay-Serial": merchant.public_key_id,
            "Authorization": build_authorization(path, method, *signed_by, sent.decode()),
        }
        try:
            answer = await self.request(method, path, headers=headers, content=sent)
        except (httpx.HTTPError, TimeoutError) as error:
            raise PayUnknown(f"no answer: {type(error).__name__}") from None
        if answer.is_success and not self._is_signed(answer.headers, answer.text):
            raise PayUnknown("the answer's signature is wrong")
        # 202 means that somebody is paying at this moment: the outcome is unknown.
        if answer.status_code in (200, 204):
            return answer.content
        raise _failed(answer.status_code, answer.content)


def _name(method: str, path: str) -> str:
    """Return a call's name for metrics, which holds no number."""
    thing = "order" if path.startswith(ORDERS) else "refund" if path.startswith(REFUNDS) else "transfer"
    end = path.rpartition("/")[2]
    what = "query" if method == "GET" else end if end in ("close", "cancel") else "make"
    return f"pay_{thing}_{what}"


def _is_refusal(error: Exception) -> bool:
    """Whether WeChat had a reason. If it does not take our signature, our keys are wrong."""
    return isinstance(error, PayRefused) and error.http_status != httpx.codes.UNAUTHORIZED


def _check_currency(number: str, amount: OrderAmount | RefundAmount | None) -> None:
    if amount is not None and amount.currency != CURRENCY:
        raise Contradiction(f"the amount of {number} is in {amount.currency}")


def _failed(status: int, content: bytes) -> PayRefused | PayUnknown:
    try:
        failure = decode(content, _Failure)
    except ValueError:  # most likely a proxy's page
        return PayUnknown(f"HTTP {status} without a reason")
    unclear = not 400 <= status < 500 or status == httpx.codes.TOO_MANY_REQUESTS
    if unclear or not failure.code or failure.code in _UNCERTAIN:
        return PayUnknown(f"HTTP {status} {failure.code}: {failure.message[:200]}")
    if failure.code == "INVALID_REQUEST" and _STRANGE_ADDRESS in failure.message:
        return PayRefused(ADDRESS_REFUSED, failure.message[:200], status)
    if failure.code == "QUOTA_EXCEED" or (failure.code == "INVALID_REQUEST" and _FULL_DAY in failure.message):
        return PayRefused(DAY_REFUSED, failure.message[:200], status)
    if failure.code == "INVALID_REQUEST" and any(words in failure.message for words in _OTHER_BODY):
        return PayRefused(CONTRADICTION, failure.message[:200], status)
    return PayRefused(failure.code, failure.message[:200], status)


def _cut(text: str, size: int) -> str:
    """Return the longest prefix of `text` that has at most `size` bytes in UTF-8."""
    return text.encode()[:size].decode(errors="ignore")
