"""Message push as WeChat sends it, in the mode of our settings. This module only makes requests, and sends
none."""

import secrets
import time
from typing import Any
from urllib.parse import urlencode

import msgspec

from devtools.sandbox.store.notices import SandboxNotice
from server.decoding import decode
from server.settings import Settings
from server.wechat.message_push import ForgedPush, MessagePush


def sealed_push(settings: Settings, notice: SandboxNotice, genuine: bool) -> tuple[str, bytes]:
    """Return the address and the body with which WeChat pushes an event; `genuine`: with a right signature.

    https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md
    """
    push = MessagePush(settings.wechat_push_token, settings.wechat_encoding_aes_key, settings.appid)
    stamp = str(int(time.time()))
    nonce = secrets.token_hex(5)
    signature = push.signature(stamp, nonce)
    query = {"signature": signature if genuine else signature[::-1], "timestamp": stamp, "nonce": nonce}
    body = notice["resource"].encode()
    if settings.wechat_encoding_aes_key:
        encrypted = push.seal(body)
        signed = push.signature(stamp, nonce, encrypted if genuine else encrypted[::-1])
        query |= {"encrypt_type": "aes", "msg_signature": signed}
        body = msgspec.json.encode({"ToUserName": "gh_sandbox", "Encrypt": encrypted})
    return f"{notice['url']}?{urlencode(query)}", body


def is_answered(settings: Settings, notice: SandboxNotice, answer: bytes) -> bool:
    """Whether an answer is one that WeChat takes. To a person's message it must be the one that forwards it.

    https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/trans.html
    """
    pushed = decode(notice["resource"].encode(), dict[str, Any])
    if pushed["MsgType"] == "event":
        return answer in (b"", b"success")
    push = MessagePush(settings.wechat_push_token, settings.wechat_encoding_aes_key, settings.appid)
    try:
        if settings.wechat_encoding_aes_key:
            sealed = decode(answer, dict[str, Any])
            stamp = str(sealed["TimeStamp"])
            nonce = sealed["Nonce"]
            encrypted = sealed["Encrypt"]
            if push.signature(stamp, nonce, encrypted) != sealed["MsgSignature"]:
                return False
            answer = push.open(encrypted)
        said = decode(answer, dict[str, Any])
    except (ValueError, KeyError, ForgedPush):
        return False
    return said | {"CreateTime": 0} == {
        "ToUserName": pushed["FromUserName"],
        "FromUserName": pushed["ToUserName"],
        "CreateTime": 0,
        "MsgType": "transfer_customer_service",
    }
