"""The merchant that we are to WeChat Pay, with its keys: the operator's or, in development, the sandbox's."""

from __future__ import annotations

import asyncio
import secrets

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from server.settings import Settings
from server.store.sandbox import SandboxStore
from server.store.sandbox.keys import SandboxKeyPairs

# The stand-in's only merchant, and the names of the two keys that sign.
SANDBOX_MCHID = "1900000001"
SANDBOX_CERT_SERIAL = "5A4D5831000000000000000000000000000000AB"
SANDBOX_PUBLIC_KEY_ID = "PUB_KEY_ID_0119000000012026010100000000"


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant of WeChat Pay in public-key mode (微信支付公钥). Keys are PEM text.

    `cert_serial` names the certificate of `private_key`. WeChat signs replies and notices with the private
    key of `public_key`, which it calls `public_key_id`, and encrypts notices with `api_v3_key` (32 bytes).
    """

    mchid: str
    api_v3_key: str
    private_key: str
    cert_serial: str
    public_key: str
    public_key_id: str

    def __repr__(self) -> str:
        return f"Merchant({self.mchid})"  # logs and errors must not show the keys


async def merchant_of(settings: Settings, sandbox: SandboxStore | None) -> Merchant | None:
    """Return the sandbox's merchant if there is a sandbox, else the operator's; None without payments."""
    if sandbox is not None:
        pairs = await sandbox.keys.find() or await sandbox.keys.add(await asyncio.to_thread(make_key_pairs))
        return Merchant(
            mchid=SANDBOX_MCHID,
            api_v3_key=pairs["api_v3_key"],
            private_key=pairs["merchant_private_key"],
            cert_serial=SANDBOX_CERT_SERIAL,
            public_key=pairs["platform_public_key"],
            public_key_id=SANDBOX_PUBLIC_KEY_ID,
        )
    if not settings.wechat_mchid:
        return None
    return Merchant(
        mchid=settings.wechat_mchid,
        api_v3_key=settings.wechat_api_v3_key,
        private_key=settings.wechat_private_key,
        cert_serial=settings.wechat_cert_serial,
        public_key=settings.wechat_pay_public_key,
        public_key_id=settings.wechat_pay_public_key_id,
    )


def make_key_pairs() -> SandboxKeyPairs:
    """Return new key pairs for the sandbox: RSA of 2048 bits, as WeChat's. Slow: call it in a thread."""
    platform_private, platform_public = _pair()
    merchant_private, merchant_public = _pair()
    return {
        "platform_private_key": platform_private,
        "platform_public_key": platform_public,
        "merchant_private_key": merchant_private,
        "merchant_public_key": merchant_public,
        "api_v3_key": secrets.token_hex(16),
    }


def _pair() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
