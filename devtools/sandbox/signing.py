"""WeChat Pay's signatures and encrypted notices, as WeChat makes them. It sends nothing.

https://pay.weixin.qq.com/doc/v3/merchant/4012365336
"""

import base64
import binascii
import secrets
import time
from collections.abc import Callable
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from devtools.sandbox.store.keys import SandboxKeyPairs
from devtools.sandbox.store.merchant import SANDBOX_PLATFORM_SERIAL, SANDBOX_PUBLIC_KEY_ID
from devtools.sandbox.store.notices import SandboxNotice

# Per event: its summary, and the type of the JSON that is encrypted in it.
EVENTS = {
    "TRANSACTION.SUCCESS": ("支付成功", "transaction"),
    "REFUND.SUCCESS": ("退款成功", "refund"),
    "REFUND.ABNORMAL": ("退款异常", "refund"),
    "REFUND.CLOSED": ("退款关闭", "refund"),
    "MCHTRANSFER.BILL.FINISHED": ("商家转账单据终态通知", "mch_payment"),
}
# WeChat sends wrong signatures that begin like this, to find merchants that do not verify them.
FORGED = "WECHATPAY/SIGNTEST/"


@lru_cache(maxsize=8)
def _private(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)  # noqa: S101  (we made it)
    return key


@lru_cache(maxsize=8)
def _public(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)  # noqa: S101  (we made it)
    return key


def signed_by_merchant(pairs: SandboxKeyPairs, text: str, signature: str) -> bool:
    """Whether `signature` (base64) is the sandbox merchant's signature of `text`."""
    try:
        raw = base64.b64decode(signature, validate=True)
        _public(pairs["merchant_public_key"]).verify(raw, text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def signed_headers(
    pairs: SandboxKeyPairs,
    body: bytes,
    genuine: bool = True,
    *,
    by_certificate: bool = False,
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """Return the headers that sign a reply or a notice now, with a wrong signature unless `genuine`."""
    stamp = str(int(clock()))
    nonce = secrets.token_hex(16)
    if genuine:
        text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        raw = _private(pairs["platform_private_key"]).sign(text, PKCS1v15(), SHA256())
        signature = base64.b64encode(raw).decode()
    else:
        signature = FORGED + base64.b64encode(secrets.token_bytes(242)).decode()
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Wechatpay-Serial": f"{SANDBOX_PLATFORM_SERIAL:X}" if by_certificate else SANDBOX_PUBLIC_KEY_ID,
    }


def sealed_notice(
    pairs: SandboxKeyPairs, notice: SandboxNotice, genuine: bool = True
) -> tuple[dict[str, str], bytes]:
    """Return a notice's headers and body, with a wrong signature unless `genuine`."""
    summary, original_type = EVENTS[notice["event_type"]]
    nonce = secrets.token_hex(6)
    sealed = AESGCM(pairs["api_v3_key"].encode()).encrypt(
        nonce.encode(), notice["resource"].encode(), original_type.encode()
    )
    body = msgspec.json.encode(
        {
            "id": notice["_id"],
            "create_time": beijing_time(notice["created_at_ms"]),
            "resource_type": "encrypt-resource",
            "event_type": notice["event_type"],
            "summary": summary,
            "resource": {
                "original_type": original_type,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": original_type,
                "nonce": nonce,
            },
        }
    )
    by_certificate = notice.get("by_certificate", False)
    headers = signed_headers(pairs, body, genuine, by_certificate=by_certificate)
    return headers | {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}, body


def day_begins_ms(unix_ms: int) -> int:
    """Return when the day in Beijing to which a time belongs began, in unix ms."""
    return unix_ms - (unix_ms + 8 * 3_600_000) % 86_400_000


def beijing_time(unix_ms: int) -> str:
    """Return a time as WeChat writes it: RFC 3339, in Beijing time, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(unix_ms // 1000 + 8 * 3600))
