"""The sandbox's only merchant: its numbers, and the keys with which it and the sandbox sign."""

import secrets
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

from devtools.sandbox.store.keys import SandboxKeyPairs
from server.settings.merchant import Merchant

SANDBOX_MCHID = "1900000001"
SANDBOX_CERT_SERIAL = "5A4D5831000000000000000000000000000000AB"
SANDBOX_PLATFORM_SERIAL = 0x5157F09EFDC096DE15EBE81A47057A72000000CE
SANDBOX_PUBLIC_KEY_ID = "PUB_KEY_ID_0119000000012026010100000000"


def merchant_of(pairs: SandboxKeyPairs) -> Merchant:
    """Return the merchant who signs with these keys. Slow: call it in a thread."""
    return Merchant(
        mchid=SANDBOX_MCHID,
        api_v3_key=pairs["api_v3_key"],
        private_key=pairs["merchant_private_key"],
        cert_serial=SANDBOX_CERT_SERIAL,
        public_key=pairs["platform_public_key"],
        public_key_id=SANDBOX_PUBLIC_KEY_ID,
        platform_cert=_certificate(pairs["platform_private_key"]),
    )


def _certificate(private_key: str) -> str:
    """Return the platform certificate, for merchants who used it before. It has the key of today's
    `public_key`, and never changes."""
    key = load_pem_private_key(private_key.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101  (we made it)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sandbox")])
    made = CertificateBuilder(name, name, key.public_key(), SANDBOX_PLATFORM_SERIAL)
    made = made.not_valid_before(datetime(2024, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2049, 1, 1, tzinfo=UTC)
    )
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def make_key_pairs() -> SandboxKeyPairs:
    """Return new key pairs: RSA of 2048 bits, as WeChat's. Slow: call it in a thread."""
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
