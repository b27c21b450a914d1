"""Calls to the sandbox's WeChat Pay, signed as the library signs them, and their bodies."""

import functools
import json
from typing import Any

import httpx
from wechatpayv3.utils import build_authorization, load_private_key  # type: ignore[import-untyped]

from support.merchant import OPENID, Shop, a_number

ORDERS = "/v3/pay/transactions"
TRANSFERS = "/v3/fund-app/mch-transfer/transfer-bills"


private_key = functools.cache(load_private_key)  # checking a key's primes takes 80 ms


async def call(
    shop: Shop, method: str, path: str, body: dict[str, Any] | None = None, **changes: Any
) -> httpx.Response:
    """Call an interface as the library does; `changes` alter the signed values or the headers."""
    merchant = shop.context.pay.merchant
    assert merchant is not None
    sent = json.dumps(body) if body is not None else ""
    authorization = build_authorization(
        changes.get("signed_path", path),
        changes.get("signed_method", method),
        changes.get("mchid", merchant.mchid),
        changes.get("serial", merchant.cert_serial),
        private_key(changes.get("key", merchant.private_key)),
        changes.get("signed", sent),
    )
    headers = {"Content-Type": "application/json", "Authorization": changes.get("header", authorization)}
    return await shop.http.request(method, f"/sandbox{path}", content=sent, headers=headers)


def an_order(number: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "appid": "wxsandbox000000000",
        "mchid": "1900000001",
        "description": "红包",
        "out_trade_no": number or a_number(),
        "notify_url": "http://127.0.0.1:9/payNotify",
        "amount": {"total": 100, "currency": "CNY"},
        "payer": {"openid": OPENID},
    } | changes


def a_bill(**changes: Any) -> dict[str, Any]:
    return {
        "appid": "wxsandbox000000000",
        "out_bill_no": a_number(),
        "transfer_scene_id": "1000",
        "openid": OPENID,
        "transfer_amount": 100,
        "transfer_remark": "恭喜",
        "user_recv_perception": "现金奖励",
        "transfer_scene_report_infos": [
            {"info_type": "活动名称", "info_content": "挖宝"},
            {"info_type": "奖励说明", "info_content": "挖到宝贝"},
        ],
    } | changes
