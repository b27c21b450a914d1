"""A person's data, encrypted as WeChat does."""

import base64
import json
from typing import Any

from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

APPID = "wx0123456789abcdef"


def encrypted(plain: bytes, iv: bytes = b"i" * 16, padding: str = "pkcs7") -> list[str]:
    """Return the key, the iv and the data as WeChat encrypts them."""
    key = b"the session key."
    whole = pad(plain, 16, padding) if padding else plain
    ciphertext = AES.new(key, AES.MODE_CBC, iv).encrypt(whole)
    return [base64.b64encode(part).decode() for part in (key, iv, ciphertext)]


def user(**fields: Any) -> bytes:
    return json.dumps({"watermark": {"timestamp": 1, "appid": APPID}, **fields}).encode()
