"""The sandbox's interfaces that authors of clients call themselves, for `/openapi.json`.

The other interfaces are WeChat's, which describes them itself.
"""

import functools
from typing import Any, Literal

import msgspec

from devtools.sandbox.login import AuthorizeRequest
from devtools.sandbox.messages import SubscribeRequest
from devtools.sandbox.misbehaviour import MisbehaveRequest
from devtools.sandbox.wallet import ConfirmationRequest, PaymentRequest
from handlers.examples import examples
from handlers.glossary import Glossary, Meaning
from handlers.languages import Language
from handlers.openapi import query_parameters
from handlers.schemas import schemas_of
from server.settings import SANDBOX_APPID

# Each text in Chinese and in English.
TAG = ("沙箱", "sandbox")
ABOUT = (
    f"开发时代替微信；配置了微信就没有。appid 是 `{SANDBOX_APPID}`。用这些名字登录（`user=…`）就是一种情形：\n\n"
    "- `risky`：微信认为风险高，`RISK_HELD` 为 1 到 4 时，挖到的红包要人工核对\n"
    "- `payout_fails`：每次转账都失败，`/drawPrize` 说明原因\n"
    "- `picture_refused`：打开内容检查时，图片不通过",
    f"In place of WeChat during development; absent if WeChat is configured. Its appid is `{SANDBOX_APPID}`. "
    "Some names (`user=…`) are scenarios:\n\n"
    "- `risky`: WeChat calls the person risky; what the person wins is held if `RISK_HELD` is 1 to 4\n"
    "- `payout_fails`: each transfer to the person fails, and `/drawPrize` says why\n"
    "- `picture_refused`: the person's pictures are refused if contents are checked",
)
SUMMARIES = {
    "/sandbox/authorize": (
        "代替 wx.login 和 wx.getUserProfile：给出 userLogin 要的 code、iv 和 encryptedData。",
        "In place of wx.login and wx.getUserProfile: gives the code, iv and encryptedData for userLogin.",
    ),
    "/sandbox/pay": (
        "代替 wx.requestPayment：传 payTask 的返回值和 appId，就付了款。",
        "In place of wx.requestPayment: send what payTask gave, and the appId, to pay.",
    ),
    "/sandbox/confirm": (
        "代替 wx.requestMerchantTransfer：传 drawPrize 的 package_info，就收了款。",
        "In place of wx.requestMerchantTransfer: send the package_info of drawPrize to take the money.",
    ),
    "/sandbox/subscribe": (
        "代替 wx.requestSubscribeMessage：同意每个模板各收一条消息。",
        "In place of wx.requestSubscribeMessage: allow one message of each template.",
    ),
    "/sandbox/messages": ("发出的订阅消息，最新的在前。", "The messages that were sent, the newest first."),
    "/sandbox/misbehave": (
        "让微信以后出一次或几次错：拒绝、超时、不回、签名不对、丢通知……",
        "Let WeChat fail later, once or more often: refuse, time out, sign wrongly, lose notices …",
    ),
}
TEXTS = {
    "AuthorizeRequest.user": ("谁登录，同一个名字是同一个人", "who logs in; the same name is the same person"),
    "AuthorizeRequest.nickname": ("微信给的名字，不传则同 user", "the name that WeChat gives, user if absent"),
    "AuthorizeRequest.gender": ("性别：0 未知，1 男，2 女", "0 unknown, 1 male, 2 female"),
    "AuthorizeRequest.anonymous": (
        "1：给默认的名字和头像，2022 年以来微信都这样",
        "1: the default name and picture, which WeChat has given since 2022",
    ),
    "AuthorizeRequest.unionid": (
        "unionid 在哪里：1 都有，data 只在加密的数据里，0 没有",
        "where the unionid is: 1 everywhere, data only in the encrypted data, 0 nowhere",
    ),
    "AuthorizeRequest.errcode": (
        "jscode2session 对这个 code 回答的错误码，0 是成功",
        "the error code that jscode2session answers to this code, 0: none",
    ),
    "AuthorizeRequest.appid": ("为哪个小程序加密，不传则是这个", "for which mini-program it is encrypted, this one if absent"),
    "PaymentRequest.appId": ("小程序的 appid", "the mini-program's appid"),
    "PaymentRequest.timeStamp": ("payTask 的 timeStamp", "timeStamp of payTask"),
    "PaymentRequest.nonceStr": ("payTask 的 nonceStr", "nonceStr of payTask"),
    "PaymentRequest.package": ("payTask 的 package", "package of payTask"),
    "PaymentRequest.signType": ("payTask 的 signType", "signType of payTask"),
    "PaymentRequest.paySign": ("payTask 的 paySign", "paySign of payTask"),
    "decline": ("1：这个人取消了", "1: the person cancels"),
    "PaymentRequest.credit": ("1：用信用卡付", "1: paid by credit card"),
    "PaymentRequest.bankType": ("付款方式的代码；- 是没有说", "the code of the means of payment; -: not said"),
    "ConfirmationRequest.package": ("drawPrize 的 package_info", "package_info of drawPrize"),
    "ConfirmationRequest.package_info": ("同上，另一个名字", "the same by its other name"),
    "ConfirmationRequest.user": ("谁收款：登录时的 user", "who takes it: the user of the login"),
    "ConfirmationRequest.appId": ("drawPrize 的 appid", "appid of drawPrize"),
    "ConfirmationRequest.mchId": ("drawPrize 的 mchid", "mchid of drawPrize"),
    "SubscribeRequest.user": ("问谁：登录时的 user", "who is asked: the user of the login"),
    "SubscribeRequest.tmplIds": ("getTemplates 给的模板 id", "template ids of getTemplates"),
    "MisbehaveRequest.what": (
        "怎样出错：error_before、error_after 回答 SYSTEM_ERROR，refuse 拒绝，timeout 不回，disconnect 断开，"
        "bad_signature 签名不对，untyped、mistyped、twice_typed 没有签名类型、另一种、两种，slow 慢，garbage 乱答，judge 检查结果，rank 风险等级，fail、accepted、pending、deny、"
        "abnormal、closed 是单据的结局，…_notice 是通知，managed 要报发货，state 是订单的发货状态；expire、settle、push 立刻作用于 number，"
        "behave 忘掉还没出的错",
        "how: error_before and error_after answer SYSTEM_ERROR, refuse refuses, timeout never answers, disconnect "
        "hangs up, bad_signature signs wrongly, untyped, mistyped and twice_typed name no way of signing, another way, and two, slow is slow, garbage answers garbage, judge judges contents, rank "
        "says how risky somebody is; fail, accepted, pending, deny, abnormal and closed are how an order, "
        "a transfer or a refund ends, …_notice is about notices, managed and state about deliveries; expire, settle and push act "
        "on number at once, behave forgets what is left",
    ),
    "MisbehaveRequest.number": ("对哪张单或哪个 openid，空是任何一个", "to which number or openid, empty: any"),
    "MisbehaveRequest.call": ("在哪个调用里，空是任何一个", "in which call, empty: any"),
    "MisbehaveRequest.code": (
        "拒绝或失败的代码、检查的结果（pass、review、risky）或风险等级",
        "the code of a refusal or failure, the judgement (pass, review, risky), or the rank",
    ),
    "MisbehaveRequest.seconds": ("慢多少秒", "by how many seconds"),
    "MisbehaveRequest.times": ("出几次", "how often"),
    "user": ("给谁的，不传则是所有人的", "to whom, to all if absent"),
}
FAILED = ("失败了，`errMsg` 说为什么", "it failed, and `errMsg` says why")
TAKES: dict[str, tuple[Literal["get", "post"], type[msgspec.Struct] | None]] = {
    "/sandbox/authorize": ("get", AuthorizeRequest),
    "/sandbox/pay": ("post", PaymentRequest),
    "/sandbox/confirm": ("post", ConfirmationRequest),
    "/sandbox/subscribe": ("post", SubscribeRequest),
    "/sandbox/messages": ("get", None),
    "/sandbox/misbehave": ("post", MisbehaveRequest),
}


@functools.cache
def described(language: Language) -> dict[str, Any]:
    """Return the `tag`, `paths` and `schemas` to add to the OpenAPI document."""
    one = 0 if language == "zh" else 1
    meanings = {name: Meaning(*text) for name, text in TEXTS.items()}
    structs = [struct for _, struct in TAKES.values() if struct]
    schemas = schemas_of(structs, [], Glossary({}, meanings), language)
    paths = {}
    for path, (method, struct) in TAKES.items():
        example = examples("sandbox")[path]
        content: dict[str, Any] = {"schema": {"type": "object"}}
        responses = {"200": _text("OK", {**content, "example": example["reply"]})}
        if struct is not None:
            responses["400"] = _text(FAILED[one], content)
        operation: dict[str, Any] = {
            "operationId": path.rpartition("/")[2],
            "tags": [TAG[one]],
            "summary": SUMMARIES[path][one],
            "security": [],
            "responses": responses,
        }
        if struct is None:
            user = {"type": "string", "description": TEXTS["user"][one]}
            operation["parameters"] = query_parameters({"properties": {"user": user}}, example["request"])
        elif method == "get":
            operation["parameters"] = query_parameters(schemas[struct.__name__], example["request"])
        else:
            schema = {"$ref": f"#/components/schemas/{struct.__name__}"}
            body = {"schema": schema, "example": example["request"]}
            operation["requestBody"] = {"required": True, "content": {"application/json": body}}
        paths[path] = {method: operation}
    return {"tag": {"name": TAG[one], "description": ABOUT[one]}, "paths": paths, "schemas": schemas}


def _text(description: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return a described answer. The sandbox says of its JSON that it is plain text, as WeChat does."""
    return {"description": description, "content": {"text/plain": content}}
