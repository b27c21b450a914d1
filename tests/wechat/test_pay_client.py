"""The client of WeChat Pay: its calls, and how it takes answers, silence, and notices, genuine and forged."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from devtools.sandbox import signing
from devtools.sandbox.store.merchant import SANDBOX_MCHID
from server.cash.pay.answers import Contradiction, ForgedNotice, Notice, PayRefused, PayUnknown
from server.cash.pay.client import CANCELS_A_SECOND, DAY_REFUSED, Pay
from server.settings import SANDBOX_APPID
from support.merchant import OPENID, Shop, a_number


class Elsewhere:
    """A server that gives every request the same answer, signed if it has `pairs`."""

    def __init__(self, serve: Callable[[Application], int]) -> None:
        self.status = 200
        self.body = b"{}"
        self.pairs = None
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []

        class Answer(RequestHandler):
            def get(handler) -> None:  # noqa: N805
                self.asked.append(handler.request.path)
                handler.set_status(self.status)
                vouched = signing.signed_headers(self.pairs, self.body) if self.pairs else {}
                for name, value in {"Content-Type": "application/json", **vouched, **self.headers}.items():
                    handler.set_header(name, value)
                handler.finish(self.body)

            post = get

        self.url = f"http://127.0.0.1:{serve(Application([(r'.*', Answer)], log_function=lambda _: None))}"


@pytest.fixture
def elsewhere(serve: Callable[[Application], int]) -> Elsewhere:
    return Elsewhere(serve)


# -- paying in


async def test_a_long_description_is_cut_between_characters(shop):
    prepay_id = await shop.pay.create_order(a_number(), "红" * 200, 1, OPENID, int(time.time() * 1000) + 9000)
    kept = await shop.context.sandbox.pay.orders.find_one({"prepay_id": prepay_id})
    assert json.loads(kept["asked"])["description"] == "红" * 42


async def test_an_unknown_number_is_not_found(shop):
    for call in (
        shop.pay.query_order("nothing"),
        shop.pay.close_order("nothing"),
        shop.pay.query_refund("nothing", "nothing"),
        shop.pay.query_transfer("nothing"),
        shop.pay.cancel_transfer("nothing"),
    ):
        with pytest.raises(PayRefused) as refused:
            await call
        assert refused.value.not_found
        assert refused.value.http_status == 404


# -- paying back and out


async def test_a_transfers_texts_are_cut_to_what_wechat_takes(shop):
    body = json.loads(shop.pay.transfer_body(a_number(), OPENID, 100, "活" * 40, "奖" * 40, "祝" * 40))
    assert body["transfer_remark"] == "祝" * 32
    assert [info["info_type"] for info in body["transfer_scene_report_infos"]] == ["活动名称", "奖励说明"]
    assert (await shop.pay.transfer(json.dumps(body).encode())).state == "WAIT_USER_CONFIRM"


# -- faults


async def test_another_address_is_used_after_two_connections_that_failed(shop):
    sock, port = bind_unused_port()
    sock.close()
    nowhere = f"http://127.0.0.1:{port}/sandbox"
    settings = shop.context.settings
    merchant = shop.context.pay.merchant
    now_ms = shop.context.clock.now_ms
    pay = Pay(merchant, settings.appid, nowhere, shop.desk.url, now_ms, spare_url=settings.wechat_pay_api)
    for _ in range(2):
        with pytest.raises(PayUnknown):
            await pay.query_transfer("T4")
    for _ in range(3):
        with pytest.raises(PayRefused):
            await pay.query_transfer("T4")
    await pay.aclose()


async def test_a_reply_may_leave_out_how_it_is_signed(shop):
    await shop.misbehave("untyped")
    assert (await shop.pay.transfer(shop.body("T4"))).state == "WAIT_USER_CONFIRM"


async def test_a_limit_of_calls_means_to_ask_again(shop):
    pay = shop.pay
    for code in ("FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEEDED"):
        await shop.misbehave("refuse", code=code, times=3)
        for call in (pay.transfer(shop.body("T4")), pay.query_transfer("T4"), pay.cancel_transfer("T4")):
            with pytest.raises(PayUnknown):
                await call


async def test_no_more_cancellations_are_asked_a_second_than_wechat_takes(shop):
    began = time.monotonic()
    asked = [shop.pay.cancel_transfer(f"T{number}") for number in range(11)]
    for found in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(found, PayRefused)
    assert time.monotonic() - began >= 10 / CANCELS_A_SECOND


@pytest.mark.parametrize("what", ["error_after", "disconnect", "bad_signature", "mistyped", "twice_typed"])
async def test_a_call_without_an_answer_to_trust_is_unknown_and_can_be_queried(shop, what):
    number = await shop.paid(amount_fen=300)
    await shop.misbehave(what, times=3)
    with pytest.raises(PayUnknown):
        await shop.pay.refund("R2", number, 300, 300, "退款")
    with pytest.raises(PayUnknown):
        await shop.pay.transfer(shop.body("T4"))
    with pytest.raises(PayUnknown):
        await shop.pay.cancel_transfer("T4")
    assert (await shop.pay.query_refund("R2", number)).status == "SUCCESS"
    assert (await shop.pay.query_transfer("T4")).state == "CANCELLED"


async def test_a_call_waits_for_its_answer_no_longer_than_call_seconds(shop):
    impatient = shop.client(call_seconds=0.3)
    await shop.misbehave("timeout", call="transfer")
    began = time.monotonic()
    with pytest.raises(PayUnknown, match="no answer"):
        await impatient.transfer(shop.body("T6"))
    assert time.monotonic() - began < 5
    await impatient.aclose()
    assert (await shop.pay.query_transfer("T6")).state == "WAIT_USER_CONFIRM"


OURS = {"appid": SANDBOX_APPID, "mchid": SANDBOX_MCHID}
ORDER = {**OURS, "out_trade_no": "n", "trade_state": "SUCCESS"}
REFUND = {"out_refund_no": "r", "out_trade_no": "n", "refund_id": "1", "status": "SUCCESS"} | {
    "amount": {"refund": 1, "total": 1}
}
BILL = {"out_bill_no": "b", "state": "SUCCESS"}


UNDOCUMENTED: list[tuple[int, Any, dict[str, str], bool]] = [
    (200, ORDER, {}, False),
    (200, ORDER, {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A72"}, True),
    (200, ORDER, {"Wechatpay-Serial": "not hexadecimal"}, True),
    (200, ORDER, {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}, True),
    (200, {**ORDER, "trade_state": "PONDERING"}, {}, True),
    (200, {**ORDER, "amount": {"total": "1"}}, {}, True),
    (200, ORDER, {"Content-Type": "text/plain"}, True),
    (202, {"code": "USERPAYING", "message": "用户支付中"}, {}, True),
    (302, {}, {"Location": "https://api.mch.weixin.qq.com/"}, True),
    (404, {}, {}, False),
    (429, {"code": "UNHEARD_OF", "message": "频率超限"}, {}, True),
    (400, {"code": "SYSTEM_ERROR", "message": "系统繁忙"}, {}, True),
    (500, {"code": "NOT_FOUND", "message": "记录不存在"}, {}, True),
    (502, "<html>Bad Gateway</html>", {"Content-Type": "text/html"}, False),
]


async def test_an_undocumented_answer_counts_as_none(shop, elsewhere):
    pairs = await shop.context.sandbox.keys.find()
    pay = shop.client(elsewhere.url)
    for status, body, headers, signed in UNDOCUMENTED:
        elsewhere.status = status
        elsewhere.headers = headers
        elsewhere.body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        elsewhere.pairs = pairs if signed else None
        if status == 200 and body == ORDER and signed and headers.get("Content-Type"):
            assert (await pay.query_order("n")).paid, "it is signed, so its type does not matter"
        else:
            with pytest.raises(PayUnknown):
                await pay.query_order("n")
    assert set(elsewhere.asked) == {"/v3/pay/transactions/out-trade-no/n"}
    await pay.aclose()


async def test_wechats_refusals_for_today_have_one_code(shop, elsewhere):
    elsewhere.pairs = await shop.context.sandbox.keys.find()
    elsewhere.status = 403
    pay = shop.client(elsewhere.url)
    for code, message in (("QUOTA_EXCEED", ""), ("INVALID_REQUEST", "超出商户单日转账额度，请核实产品设置")):
        elsewhere.body = json.dumps({"code": code, "message": message}).encode()
        with pytest.raises(PayRefused, match=DAY_REFUSED):
            await pay.transfer(shop.body("b"))
    await pay.aclose()


OF_SOMETHING_ELSE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *(("query_order", ORDER, {name: "another"}) for name in ("out_trade_no", "appid", "mchid")),
    ("query_order", ORDER, {"amount": {"total": 1, "currency": "USD"}}),
    *(("query_refund", REFUND, {name: "another"}) for name in ("out_refund_no", "out_trade_no")),
    ("query_refund", REFUND, {"amount": {"refund": 1, "total": 1, "currency": "USD"}}),
    *(("query_transfer", BILL, {name: "another"}) for name in ("out_bill_no", "appid", "mch_id", "mchid")),
    ("cancel_transfer", BILL, {"out_bill_no": "another"}),
    ("transfer", BILL, {"out_bill_no": "another"}),
]


async def test_an_answer_about_something_else_is_a_contradiction(shop, elsewhere):
    elsewhere.pairs = await shop.context.sandbox.keys.find()
    pay = shop.client(elsewhere.url)
    calls = {"query_order": ("n",), "query_refund": ("r", "n"), "transfer": (shop.body("b"),)}
    for call, right, wrong in OF_SOMETHING_ELSE:
        asked = calls.get(call, ("b",))
        elsewhere.body = json.dumps(right).encode()
        await getattr(pay, call)(*asked)
        elsewhere.body = json.dumps({**right, **wrong}).encode()
        with pytest.raises(Contradiction):
            await getattr(pay, call)(*asked)
    await pay.aclose()


async def test_without_a_merchant_every_call_is_refused_and_every_notice_counts_as_forged(shop):
    pay = Pay(None, "wx1", "http://127.0.0.1:9", "http://127.0.0.1:9", shop.context.clock.now_ms)
    for call in (pay.query_order("n"), pay.transfer(b"{}"), pay.cancel_transfer("n")):
        with pytest.raises(PayRefused, match="NOT_CONFIGURED"):
            await call
    with pytest.raises(PayRefused, match="NOT_CONFIGURED"):
        pay.payment_parameters("p")
    with pytest.raises(ForgedNotice):
        pay.read_notice({}, b"{}")
    await pay.aclose()


async def test_a_merchants_repr_shows_no_key(shop):
    merchant = shop.context.pay.merchant
    for text in (repr(merchant), str(merchant)):
        assert "PRIVATE" not in text
        assert merchant.api_v3_key not in text


async def taken_notice(shop: Shop) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a genuine notice of a payment."""
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    _, headers, body = await shop.taken()
    return dict(headers), body


async def test_a_notice_with_other_headers_or_another_body_is_forged(shop):
    headers, body = await taken_notice(shop)
    assert isinstance(shop.pay.read_notice(headers, body), Notice)
    for changes in [
        {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/c2lnbmF0dXJl"},
        {"Wechatpay-Signature": "not base64"},
        {"Wechatpay-Signature": None},
        {"Wechatpay-Serial": "PUB_KEY_ID_0000000000000024101100397200000006"},
        {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A72"},
        {"Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA4096"},
        {"Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048,WECHATPAY2-SHA256-RSA2048"},
        {"Wechatpay-Nonce": "another"},
        {"Wechatpay-Timestamp": "1"},
        {"Wechatpay-Timestamp": "９９"},
        {"Wechatpay-Timestamp": "9" * 500},
        {"Wechatpay-Timestamp": None},
    ]:
        changed = {name: value for name, value in (headers | changes).items() if value is not None}
        with pytest.raises(ForgedNotice):
            shop.pay.read_notice(changed, body)
    for other in (body + b" ", body[:-1], b"", b"\xff", body.replace(b"transaction", b"Transaction")):
        with pytest.raises(ForgedNotice):
            shop.pay.read_notice(headers, other)


async def test_a_notice_signed_by_the_platform_certificate_is_genuine_while_that_is_configured(shop):
    await shop.misbehave("certify_notice")
    headers, body = await taken_notice(shop)
    assert "PUB_KEY" not in headers["Wechatpay-Serial"]
    assert isinstance(shop.pay.read_notice(headers, body), Notice)
    with pytest.raises(ForgedNotice, match="signature"):
        shop.pay.read_notice(headers, body + b" ")
    shop.context.pay.merchant = msgspec.structs.replace(shop.context.pay.merchant, platform_cert="")
    without = shop.client()
    with pytest.raises(ForgedNotice, match="another key"):
        without.read_notice(headers, body)
    await without.aclose()


async def test_a_notice_and_a_payment_are_dated_by_mongodbs_clock_however_wrong_this_machines_is(shop):
    headers, body = await taken_notice(shop)
    clock = shop.context.clock
    clock._offset_ms -= 3_600_000
    with pytest.raises(ForgedNotice, match="five minutes"):
        shop.context.pay.read_notice(headers, body)
    clock.see(await shop.context.store.now_ms())
    assert isinstance(shop.context.pay.read_notice(headers, body), Notice)
    assert abs(int(shop.pay.payment_parameters("wx1").time_stamp) - clock.now_ms() / 1000) < 60


async def test_a_notice_is_valid_for_five_minutes(shop):
    now = shop.context.clock.now_ms() / 1000
    pairs = await shop.context.sandbox.keys.find()
    _, body = await taken_notice(shop)
    for age_seconds, genuine in ((-290, True), (290, True), (-310, False), (310, False)):
        headers = signing.signed_headers(pairs, body, clock=lambda at=now - age_seconds: at)
        if genuine:
            assert shop.pay.read_notice(headers, body).event_type == "TRANSACTION.SUCCESS"
        else:
            with pytest.raises(ForgedNotice, match="five minutes"):
                shop.pay.read_notice(headers, body)


def a_notice(shop: Shop, event_type: str, resource: dict[str, Any]) -> Any:
    """Return a notice as the sandbox stores it."""
    return {
        "_id": "EV-1",
        "event_type": event_type,
        "resource": json.dumps(resource),
        "created_at_ms": int(time.time() * 1000),
    }


OWN = {
    "appid": "wxsandbox000000000",
    "mchid": "1900000001",
    "out_trade_no": "n",
    "trade_state": "SUCCESS",
    "amount": {"total": 1},
}


async def test_a_signed_notice_that_is_not_for_us_malformed_or_of_another_key_is_forged(shop):
    pairs = await shop.context.sandbox.keys.find()
    plain = a_notice(shop, "TRANSACTION.SUCCESS", OWN)
    headers, body = signing.sealed_notice(pairs, plain)
    assert shop.pay.read_notice(headers, body).resource.out_trade_no == "n"
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    resource = b'{"resource_type": "encrypt-resource", "resource": 5}'
    for signed, said in (
        *(
            (signing.sealed_notice(pairs, a_notice(shop, event_type, OWN | changes)), None)
            for event_type, changes in (
                ("TRANSACTION.SUCCESS", {"mchid": "1900000002"}),
                ("TRANSACTION.SUCCESS", {"appid": "wxanother"}),
                ("TRANSACTION.SUCCESS", {"trade_state": "PONDERING"}),
                ("TRANSACTION.SUCCESS", {"amount": {"total": -1}}),
                ("REFUND.SUCCESS", {}),
                ("MCHTRANSFER.BILL.FINISHED", {}),
            )
        ),
        *(
            ((signing.signed_headers(pairs, body), body), None)
            for body in (b"", b"null", b"[]", b"{}", resource, b"\xff\xfe", b"<xml/>")
        ),
        (signing.sealed_notice({**pairs, "api_v3_key": "0" * 32}, plain), "decrypted"),
        (signing.sealed_notice({**pairs, "platform_private_key": pem.decode()}, plain), "signature"),
    ):
        with pytest.raises(ForgedNotice, match=said):
            shop.pay.read_notice(*signed)
