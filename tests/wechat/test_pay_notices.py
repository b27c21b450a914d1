"""The client of WeChat Pay: how it reads notices, genuine and forged."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from devtools.sandbox import signing
from server.wechat.pay.answers import ForgedNotice, Notice
from support.merchant import Shop


async def taken_notice(shop: Shop) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a genuine notice of a payment."""
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    _, headers, body = await shop.taken()
    return dict(headers), body


async def test_a_notice_with_other_headers_is_forged(shop):
    for changes in [
        {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/c2lnbmF0dXJl"},
        {"Wechatpay-Signature": "AAAA"},
        {"Wechatpay-Signature": "not base64"},
        {"Wechatpay-Signature": ""},
        {"Wechatpay-Signature": None},
        {"Wechatpay-Serial": "PUB_KEY_ID_0000000000000024101100397200000006"},
        {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A72"},
        {"Wechatpay-Serial": None},
        {"Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA4096"},
        {"Wechatpay-Signature-Type": None},
        {"Wechatpay-Nonce": "another"},
        {"Wechatpay-Nonce": None},
        {"Wechatpay-Timestamp": "1"},
        {"Wechatpay-Timestamp": "９９"},
        {"Wechatpay-Timestamp": "-5"},
        {"Wechatpay-Timestamp": "9" * 500},
        {"Wechatpay-Timestamp": None},
    ]:
        headers, body = await taken_notice(shop)
        assert isinstance(shop.pay.read_notice(headers, body), Notice)
        changed = {name: value for name, value in (headers | changes).items() if value is not None}
        with pytest.raises(ForgedNotice):
            shop.pay.read_notice(changed, body)


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


async def test_a_notice_with_another_body_is_forged(shop):
    headers, body = await taken_notice(shop)
    for other in (body + b" ", body[:-1], b"", b"\xff", body.replace(b"transaction", b"Transaction")):
        with pytest.raises(ForgedNotice):
            shop.pay.read_notice(headers, other)


@pytest.mark.parametrize(("age_seconds", "genuine"), [(-290, True), (290, True), (-310, False), (310, False)])
async def test_a_notice_is_valid_for_five_minutes(shop, monkeypatch, age_seconds, genuine):
    now = time.time()
    pairs = await shop.context.sandbox.keys.find()
    _, body = await taken_notice(shop)
    with monkeypatch.context() as patched:
        patched.setattr(signing.time, "time", lambda: now - age_seconds)
        headers = signing.signed_headers(pairs, body)
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


@pytest.mark.parametrize(
    ("event_type", "changes"),
    [
        ("TRANSACTION.SUCCESS", {"mchid": "1900000002"}),
        ("TRANSACTION.SUCCESS", {"appid": "wxanother"}),
        ("TRANSACTION.SUCCESS", {"trade_state": "PONDERING"}),
        ("TRANSACTION.SUCCESS", {"amount": {"total": -1}}),
        ("TRANSACTION.SUCCESS", {"out_trade_no": 5}),
        ("REFUND.SUCCESS", {}),
        ("MCHTRANSFER.BILL.FINISHED", {}),
    ],
)
async def test_a_signed_notice_that_is_not_for_us_or_malformed_is_forged(shop, event_type, changes):
    pairs = await shop.context.sandbox.keys.find()
    headers, body = signing.sealed_notice(pairs, a_notice(shop, "TRANSACTION.SUCCESS", OWN))
    assert shop.pay.read_notice(headers, body).resource.out_trade_no == "n"
    headers, body = signing.sealed_notice(pairs, a_notice(shop, event_type, OWN | changes))
    with pytest.raises(ForgedNotice):
        shop.pay.read_notice(headers, body)


async def test_a_notice_sealed_with_another_key_cannot_be_opened(shop):
    pairs = await shop.context.sandbox.keys.find()
    other = {**pairs, "api_v3_key": "0" * 32}
    headers, body = signing.sealed_notice(other, a_notice(shop, "TRANSACTION.SUCCESS", OWN))
    with pytest.raises(ForgedNotice, match="decrypted"):
        shop.pay.read_notice(headers, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"resource_type": "encrypt-resource", "resource": 5}',
        b"\xff\xfe",
        b"<xml/>",
    ],
)
async def test_a_signed_body_that_is_no_notice_is_forged(shop, body):
    pairs = await shop.context.sandbox.keys.find()
    with pytest.raises(ForgedNotice):
        shop.pay.read_notice(signing.signed_headers(pairs, body), body)


async def test_a_notice_signed_with_another_key_pair_is_forged(shop):
    pairs = await shop.context.sandbox.keys.find()
    stranger = rsa.generate_private_key(65537, 2048)
    pem = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    headers, body = signing.sealed_notice(
        {**pairs, "platform_private_key": pem}, a_notice(shop, "TRANSACTION.SUCCESS", OWN)
    )
    with pytest.raises(ForgedNotice, match="signature"):
        shop.pay.read_notice(headers, body)
