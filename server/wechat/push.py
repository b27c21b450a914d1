"""WeChat's message push in safe mode: whether a request is WeChat's, and what it says. Pure.

https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad

from server.wechat.content import UNCHECKED, Result

# WeChat pads to 32 bytes, although AES has blocks of 16.
_PADDED_TO = 32
_RANDOM_BYTES, _LENGTH_BYTES = 16, 4


class ForgedPush(Exception):
    """The request is not from WeChat, not for this mini-program, or not whole."""


class Event(msgspec.Struct, frozen=True):
    """A pushed message, as far as it concerns this server: it acts on `wxa_media_check` alone.

    https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync
    """

    kind: str = msgspec.field(default="", name="Event")
    trace_id: str = ""
    errcode: int = 0
    result: Result = UNCHECKED

    @property
    def checked(self) -> Result:
        """The result of a `wxa_media_check`; UNCHECKED if WeChat says that it is not valid."""
        return UNCHECKED if self.errcode else self.result


class _Sealed(msgspec.Struct):
    """The body of a push. The console must be set to JSON: XML is refused."""

    encrypt: str = msgspec.field(name="Encrypt")


class Push:
    """Reads pushes with the token and the EncodingAESKey (43 characters) of WeChat's console."""

    def __init__(self, token: str, encoding_aes_key: str, appid: str) -> None:
        self._token = token
        self._key = base64.b64decode(encoding_aes_key + "=")
        self._appid = appid.encode()

    def check_address(self, signature: str, timestamp: str, nonce: str) -> None:
        """Check the request with which WeChat verifies our address. Raises ForgedPush."""
        if not _equal(signature, self.signature(timestamp, nonce)):
            raise ForgedPush("the signature of the address check is wrong")

    def read(self, msg_signature: str, timestamp: str, nonce: str, body: bytes) -> Event:
        """Return the event in the body of a push. Raises ForgedPush."""
        try:
            sealed = msgspec.json.decode(body, type=_Sealed)
        except ValueError:  # msgspec's errors, and UnicodeDecodeError
            raise ForgedPush("the body is not JSON in safe mode") from None
        if not _equal(msg_signature, self.signature(timestamp, nonce, sealed.encrypt)):
            raise ForgedPush("the signature is wrong")
        try:
            return msgspec.json.decode(self._open(sealed.encrypt), type=Event, strict=False)
        except ValueError:
            raise ForgedPush("the message is not what WeChat documents") from None

    def signature(self, *parts: str) -> str:
        """Return the signature of these parts under our token."""
        return hashlib.sha1("".join(sorted([self._token, *parts])).encode()).hexdigest()  # noqa: S324

    def _open(self, encrypted: str) -> bytes:
        """Return the message. Raises ForgedPush; ValueError for bad base64, length or padding."""
        cipher = AES.new(self._key, AES.MODE_CBC, self._key[:16])
        plain = unpad(cipher.decrypt(base64.b64decode(encrypted, validate=True)), _PADDED_TO, "pkcs7")
        begin = _RANDOM_BYTES + _LENGTH_BYTES
        end = begin + int.from_bytes(plain[_RANDOM_BYTES:begin], "big")
        if len(plain) < begin or plain[end:] != self._appid:
            raise ForgedPush("the message is for another mini-program")
        return plain[begin:end]


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
