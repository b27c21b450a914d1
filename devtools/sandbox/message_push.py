"""Message push in safe mode, as WeChat sends it. This module only makes requests, and sends none."""

from __future__ import annotations

import base64
import secrets
import time
from urllib.parse import urlencode

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

from devtools.sandbox.store.notices import SandboxNotice
from server.settings import Settings
from server.wechat.message_push import MessagePush


def sealed_push(settings: Settings, notice: SandboxNotice, genuine: bool) -> tuple[str, bytes]:
    """Return the address and the body with which WeChat pushes an event; `genuine`: with a right signature.

    https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md
    """
    push = MessagePush(settings.wechat_push_token, settings.wechat_encoding_aes_key, settings.appid)
    encrypted = seal(settings.wechat_encoding_aes_key, notice["resource"].encode(), settings.appid)
    stamp, nonce = str(int(time.time())), secrets.token_hex(5)
    query = {
        "signature": push.signature(stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": push.signature(stamp, nonce, encrypted if genuine else encrypted[::-1]),
    }
    body = msgspec.json.encode({"ToUserName": "gh_sandbox", "Encrypt": encrypted})
    return f"{notice['url']}?{urlencode(query)}", body


def seal(encoding_aes_key: str, message: bytes, appid: str) -> str:
    """Return a message as WeChat encrypts it."""
    key = base64.b64decode(encoding_aes_key + "=")
    plain = secrets.token_bytes(16) + len(message).to_bytes(4, "big") + message + appid.encode()
    return base64.b64encode(AES.new(key, AES.MODE_CBC, key[:16]).encrypt(pad(plain, 32, "pkcs7"))).decode()
