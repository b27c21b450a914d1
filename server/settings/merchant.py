"""The settings of a WeChat Pay merchant: all of them or none, checked before anything starts. Pure.

Keys are PEM text. Line breaks in them may have become `\\n`, spaces or nothing.
"""

import re
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from server.errors import BadSettings

NAMES = (
    "wechat_mchid",
    "wechat_api_v3_key",
    "wechat_private_key",
    "wechat_cert_serial",
    "wechat_pay_public_key",
    "wechat_pay_public_key_id",
)
_SHAPES = {
    "wechat_mchid": (re.compile(r"[0-9]{8,32}"), "must be the merchant's number: digits"),
    "wechat_api_v3_key": (re.compile(r"[!-~]{32}"), "must be the 32 characters set as APIv3 key"),
    "wechat_cert_serial": (
        re.compile(r"[0-9A-Fa-f]{16,40}"),
        "must be the serial number of the merchant's certificate: hexadecimal digits",
    ),
    "wechat_pay_public_key_id": (re.compile(r"PUB_KEY_ID_[0-9A-Za-z]{8,64}"), "must begin with PUB_KEY_ID_"),
}
_PEM = re.compile(r"-----BEGIN ([A-Z ]{1,40})-----(.{1,16000})-----END \1-----", re.DOTALL)


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant of WeChat Pay in public-key mode (微信支付公钥). Keys are PEM text.

    `cert_serial` names the certificate of `private_key`. WeChat signs replies and notices with the private
    key of `public_key`, which it calls `public_key_id`, and encrypts notices with `api_v3_key` (32 bytes).
    While a merchant changes from certificates to public keys, for some days, WeChat still signs with the key
    of `platform_cert` (平台证书), "" if there is none.
    """

    mchid: str
    api_v3_key: str
    private_key: str
    cert_serial: str
    public_key: str
    public_key_id: str
    platform_cert: str = ""

    def __repr__(self) -> str:
        return f"Merchant({self.mchid})"  # logs and errors must not show the keys


def check_merchant(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values for use, with keys rewritten as PKCS #8 and SubjectPublicKeyInfo; {} if none is set.

    Raises BadSettings with one line that names the variable but shows no part of its value.
    """
    missing = [name.upper() for name in NAMES if not values.get(name)]
    if len(missing) == len(NAMES):
        return {}
    if missing:
        raise BadSettings(f"WeChat Pay also needs {', '.join(missing)}")
    for name, (shape, must) in _SHAPES.items():
        if not shape.fullmatch(values[name]):
            raise BadSettings(f"{name.upper()} {must}")
    return {
        **values,
        "wechat_cert_serial": values["wechat_cert_serial"].upper(),
        "wechat_private_key": _private_key(values["wechat_private_key"]),
        "wechat_pay_public_key": _public_key(values["wechat_pay_public_key"]),
    }


def check_certificate(text: str) -> str:
    """Return a platform certificate as PEM, "" if none is given. Raises what `check_merchant` raises."""
    if not text:
        return ""
    try:
        certificate = load_pem_x509_certificate(_rewritten(text))
    except (ValueError, UnsupportedAlgorithm):
        certificate = None
    if certificate is None or not isinstance(certificate.public_key(), RSAPublicKey):
        raise BadSettings("WECHAT_PLATFORM_CERT must be the text of wechatpay_….pem: a certificate")
    return bytes(certificate.public_bytes(Encoding.PEM)).decode()


def _private_key(text: str) -> str:
    try:
        key = load_pem_private_key(_rewritten(text), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key is encrypted
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise BadSettings(
            "WECHAT_PRIVATE_KEY must be the text of apiclient_key.pem: an RSA key, not encrypted"
        )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_key(text: str) -> str:
    try:
        key = load_pem_public_key(_rewritten(text))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise BadSettings(
            "WECHAT_PAY_PUBLIC_KEY must be the text of pub_key.pem: a public key, not a certificate"
        )
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _rewritten(text: str) -> bytes:
    """Return PEM with proper line breaks. Raises ValueError if the text is not PEM."""
    found = _PEM.search(text.replace("\\n", "\n"))
    if found is None:
        raise ValueError("no PEM")
    label = found[1]
    body = "".join(found[2].split())
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()
