"""What the calls of the sandbox's WeChat Pay share: signatures both ways, errors, and misbehaviour."""

import re
import sys
import time
from typing import Any, ClassVar, TypeVar

import msgspec
from tornado.web import HTTPError

from devtools.sandbox.base import SandboxHandler
from devtools.sandbox.signing import signed_by_merchant, signed_headers
from devtools.sandbox.store.keys import SandboxKeyPairs
from devtools.sandbox.store.merchant import SANDBOX_CERT_SERIAL, SANDBOX_MCHID
from devtools.sandbox.store.notices import Misbehaviour
from server.context import Context
from server.decoding import decode

PREFIX = "/sandbox"
SIGNATURE_TYPE = "Wechatpay-Signature-Type"
# A request's signature may be five minutes old.
FRESH_SECONDS = 300

# A code that WeChat does not document.
UNHEARD_OF = "UNHEARD_OF"
# https://pay.weixin.qq.com/doc/v3/merchant/4012068814 and each interface's own page
FAILURES: dict[str, tuple[int, str]] = {
    "PARAM_ERROR": (400, "参数错误"),
    "INVALID_REQUEST": (400, "请求不合法"),
    "APPID_MCHID_NOT_MATCH": (400, "AppID和mch_id不匹配"),
    "ORDERPAID": (400, "该订单已支付"),
    "ORDER_CLOSED": (400, "订单已关闭"),
    UNHEARD_OF: (400, "从来没有见过的说法"),
    "SIGN_ERROR": (401, "签名错误，请检查后再试"),
    "TRANSFER_REMARK_SET_FAIL": (400, "转账备注设置失败，请调整后重新再试"),
    "NO_AUTH": (403, "商户无权限"),
    "NOT_ENOUGH": (403, "资金不足"),
    "RULE_LIMIT": (403, "业务规则限制"),
    "USER_ACCOUNT_ABNORMAL": (403, "用户账户异常"),
    "NOT_FOUND": (404, "记录不存在"),
    "ORDER_NOT_EXIST": (404, "订单不存在"),
    "RESOURCE_NOT_EXISTS": (404, "退款单不存在"),
    "FREQUENCY_LIMITED": (429, "频率超限"),
    "FREQUENCY_LIMIT_EXCEED": (403, "频率超限，请降低请求接口频率"),
    "RATELIMIT_EXCEEDED": (403, "请求频率过高，请降低频率后重试"),
    "SYSTEM_ERROR": (500, "系统繁忙，请稍后重试"),
}
# A misbehaviour with one of these codes refuses with INVALID_REQUEST and this text.
ADDRESS_REFUSED = "ADDRESS_REFUSED"
DAY_REFUSED = "DAY_REFUSED"
_WORDS = {
    ADDRESS_REFUSED: "此IP地址不允许调用该接口",
    # https://developers.weixin.qq.com/community/pay/doc/0000c4ce8fc640598fee2a6e551800
    DAY_REFUSED: "超出商户单日转账额度，请核实产品设置是否准确",
}
WORDED = tuple(_WORDS)
# How many calls of an interface WeChat takes in each second of its clock.
# https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/transfer-to-user.html (and its query);
# https://pay.weixin.qq.com/doc/v3/partner/4015468873 (撤销转账);
# https://developers.weixin.qq.com/community/develop/doc/000068f3dacf10ef8ce22178061c00 (a fixed second)
CALLS_A_SECOND = {"transfer": 100, "query_transfer": 100, "cancel": 20}
# The misbehaviours of a call, as opposed to those of a notice.
CALL_MISBEHAVIOURS = (
    "error_before", "error_after", "timeout", "disconnect", "bad_signature", "untyped",
    "mistyped", "twice_typed",
    "refuse", "fail", "accepted", "pending", "abnormal", "closed",
)

_AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="([^"]*)",nonce_str="([^"]*)",signature="([^"]*)",'
    r'timestamp="(\d{1,12})",serial_no="([^"]*)"'
)
_Body = TypeVar("_Body", bound=msgspec.Struct)


class PayFailure(Exception):
    """A code to answer with. `message` replaces the code's usual one."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or FAILURES[code][1]
        super().__init__(f"{code}: {self.message}")


def refusal(code: str) -> PayFailure:
    """Return the error of a code of FAILURES or WORDED."""
    return PayFailure("INVALID_REQUEST", _WORDS[code]) if code in _WORDS else PayFailure(code)


class PayCall(SandboxHandler):
    """One interface of WeChat Pay v3. `call` is its name in a misbehaviour."""

    call: ClassVar[str]
    misbehaviour: Misbehaviour | None = None
    pairs: SandboxKeyPairs | None = None

    def initialize(self, context: Context) -> None:
        """Take the context from the route table."""
        super().initialize(context)
        self.pay = self.state.pay

    async def act(self, number: str) -> dict[str, object] | None:
        """Act; return the answer, or None for a 204. `number` is the one in the path, "" if there is none."""
        raise NotImplementedError

    async def serve(self, number: str = "") -> None:
        """Verify the signature, act, and sign the answer; or misbehave as told."""
        self.pairs = await self.state.keys.find()
        self._verify()
        if self.state.calls.count(self.call, int(time.time())) > CALLS_A_SECOND.get(self.call, sys.maxsize):
            raise PayFailure("FREQUENCY_LIMIT_EXCEED")
        self.misbehaviour = await self.state.misbehaviours.take(
            CALL_MISBEHAVIOURS, number or self.body_number(), self.call
        )
        what = self.misbehaviour["what"] if self.misbehaviour else ""
        if what == "error_before":
            raise PayFailure("SYSTEM_ERROR")
        if what == "refuse" and self.misbehaviour:
            raise refusal(self.misbehaviour["code"] or "NOT_ENOUGH")
        answer = await self.act(number)
        if what == "error_after":
            raise PayFailure("SYSTEM_ERROR")
        if what == "timeout":
            await self.keep_waiting()
        if what in ("timeout", "disconnect"):
            self.detach().close()
            return
        if answer is None:
            self.answer(204, b"", genuine=what != "bad_signature")
        else:
            self.answer(200, msgspec.json.encode(answer), genuine=what != "bad_signature")

    def told(self, what: str) -> bool:
        """Whether this call was told to do this misbehaviour."""
        return self.misbehaviour is not None and self.misbehaviour["what"] == what

    def body_number(self) -> str:
        """Return the number in the body, "" if the interface has none there."""
        return ""

    def read(self, kind: type[_Body]) -> _Body:
        """Return the body as a `kind`. Raises PayFailure PARAM_ERROR."""
        try:
            return decode(self.request.body, kind)
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise PayFailure("PARAM_ERROR", f"输入源“/body”不合法：{error}") from None

    def answer(self, status: int, body: bytes, genuine: bool = True) -> None:
        """Answer with a signature, a wrong one unless `genuine`."""
        self.set_status(status)
        if body:
            self.set_header("Content-Type", "application/json; charset=utf-8")
        if self.pairs is not None:
            for name, value in signed_headers(self.pairs, body, genuine).items():
                self.set_header(name, value)
        if self.told("untyped"):
            self.clear_header(SIGNATURE_TYPE)
        if self.told("mistyped"):
            self.set_header(SIGNATURE_TYPE, "WECHATPAY2-SM2-WITH-SM3")
        if self.told("twice_typed"):
            self.add_header(SIGNATURE_TYPE, "WECHATPAY2-SM2-WITH-SM3")
        self.finish(body or None)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer WeChat's code and message for what was raised."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        failure = error if isinstance(error, PayFailure) else PayFailure("SYSTEM_ERROR")
        if isinstance(error, HTTPError):
            failure = PayFailure("PARAM_ERROR")
        body = msgspec.json.encode({"code": failure.code, "message": failure.message})
        self.answer(FAILURES[failure.code][0], body)

    def log_exception(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Log bugs only. A request that WeChat would refuse too is no bug."""
        if not isinstance(error, PayFailure):
            super().log_exception(kind, error, trace)

    def _verify(self) -> None:
        found = _AUTHORIZATION.fullmatch(self.request.headers.get("Authorization", ""))
        if found is None or self.pairs is None:
            raise PayFailure("SIGN_ERROR", "Http头缺少Authorization或其格式不正确")
        mchid, nonce, signature, stamp, serial = found.groups()
        if abs(time.time() - int(stamp)) > FRESH_SECONDS:
            raise PayFailure("SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        if mchid != SANDBOX_MCHID or serial != SANDBOX_CERT_SERIAL:
            raise PayFailure("SIGN_ERROR", "商户证书序列号有误，请使用签名私钥匹配的证书序列号")
        path = (self.request.uri or "").removeprefix(PREFIX)
        try:
            body = self.request.body.decode()
        except UnicodeDecodeError:
            raise PayFailure("SIGN_ERROR") from None
        text = f"{self.request.method}\n{path}\n{stamp}\n{nonce}\n{body}\n"
        if not signed_by_merchant(self.pairs, text, signature):
            raise PayFailure("SIGN_ERROR")
