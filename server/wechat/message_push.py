"""WeChat's message push in safe mode: whether a request is WeChat's, and what it says. Pure.

https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad

from server.decoding import decode
from server.wechat.content import UNCHECKED, Result

# WeChat pads to 32 bytes, although AES has blocks of 16.
_PADDED_TO = 32
MEDIA_CHECK = "wxa_media_check"
_RANDOM_BYTES, _LENGTH_BYTES = 16, 4

log = logging.getLogger("wabao.reviews")


class ForgedPush(Exception):
    """The request is not from WeChat, not for this mini-program, or not whole."""


class Event(msgspec.Struct, frozen=True):
    """A pushed message, as far as it concerns this server: it acts on `wxa_media_check` alone.

    https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync
    """

    kind: str = ""
    trace_id: str = ""
    checked: Result = UNCHECKED


class _Message(msgspec.Struct):
    """A pushed message. All fields but the first matter only in a `wxa_media_check`."""

    kind: str = msgspec.field(default="", name="Event")
    trace_id: str = ""
    errcode: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"0"))
    result: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"))


class _Sealed(msgspec.Struct):
    """The body of a push. The console must be set to JSON: XML is refused."""

    encrypt: str = msgspec.field(name="Encrypt")


class MessagePush:
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
        """Return the event in the body of a push. Raises ForgedPush.

        A signed event is WeChat's, so an event that cannot be read is no forgery: its kind is "". A result
        that cannot be read, or that WeChat calls invalid, is UNCHECKED.
        """
        try:
            sealed = decode(body, _Sealed)
        except ValueError:
            raise ForgedPush("the body is not JSON in safe mode") from None
        if not _equal(msg_signature, self.signature(timestamp, nonce, sealed.encrypt)):
            raise ForgedPush("the signature is wrong")
        try:
            message = self._open(sealed.encrypt)
        except ValueError:
            raise ForgedPush("the message cannot be decrypted") from None
        return _event_in(message)

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


def _event_in(message: bytes) -> Event:
    try:
        read = decode(message, _Message)
    except ValueError:
        log.warning("WeChat pushed a message that does not have the documented fields")
        return Event()
    checked = UNCHECKED
    if read.kind == MEDIA_CHECK:
        try:
            if str(decode(read.errcode)) == "0":
                checked = decode(read.result, Result)
        except ValueError:
            log.warning("WeChat pushed a picture's result that does not have the documented fields")
    return Event(read.kind, read.trace_id, checked)


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
