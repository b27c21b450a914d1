"""WeChat's message push: whether a request is WeChat's, what it says, and what answers it.

With an EncodingAESKey it is in safe mode, else in plain mode, whose signature covers no body.
https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md
"""

import base64
import hashlib
import hmac
import logging
import secrets
import time

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad

from server.decoding import decode
from server.wechat.content import UNCHECKED, Result

# WeChat pads to 32 bytes, although AES has blocks of 16.
_PADDED_TO = 32
MEDIA_CHECK = "wxa_media_check"
# A person's consent, name or account at WeChat changed.
# https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes
MODIFIED = "user_info_modified"
REVOKED = "user_authorization_revoke"
CANCELLED = "user_authorization_cancellation"
_RANDOM_BYTES = 16
_LENGTH_BYTES = 4

log = logging.getLogger("wabao.reviews")


class ForgedPush(Exception):
    """The request is not from WeChat, not for this mini-program, or not whole."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A pushed message, as far as it concerns this server. A field of another form is as if it were missing.

    `sender` and `receiver` are set if a person wrote to customer service, and no event happened. `openid` and
    `revoked` are of a change of a person; `trace_id` and `checked` are of a `wxa_media_check`:
    https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync
    """

    kind: str = ""
    sender: str = ""
    receiver: str = ""
    at: int | str = 0
    openid: str = ""
    revoked: frozenset[str] = frozenset()
    trace_id: str = ""
    checked: Result = UNCHECKED


class _Message(msgspec.Struct, rename="pascal"):
    """A pushed message. `RevokeInfo` has numbers, with commas between them."""

    msg_type: str = "event"
    event: str = ""
    to_user_name: str = ""
    from_user_name: str = ""
    create_time: int | str = 0
    open_id: str = msgspec.field(default="", name="OpenID")
    app_id: str = msgspec.field(default="", name="AppID")
    revoke_info: str = ""
    trace_id: str = msgspec.field(default="", name="trace_id")
    errcode: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"0"), name="errcode")
    result: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="result")


class _Sealed(msgspec.Struct):
    """The body of a push. The console must be set to JSON: XML is refused."""

    encrypt: str = msgspec.field(name="Encrypt")


class MessagePush:
    """Reads and answers pushes with the token and the EncodingAESKey of WeChat's console: 43 characters, or
    "" for plain mode."""

    def __init__(self, token: str, encoding_aes_key: str, appid: str) -> None:
        self._token = token
        self._key = base64.b64decode(encoding_aes_key + "=") if encoding_aes_key else b""
        self._appid = appid.encode()

    def check_address(self, signature: str, timestamp: str, nonce: str) -> None:
        """Check the request with which WeChat verifies our address. Raises ForgedPush."""
        if not _equal(signature, self.signature(timestamp, nonce)):
            raise ForgedPush("the signature of the address check is wrong")

    def read(self, signature: str, msg_signature: str, timestamp: str, nonce: str, body: bytes) -> Event:
        """Return the event in the body of a push. Raises ForgedPush.

        `signature` counts in plain mode alone, `msg_signature` in safe mode alone.

        A signed event is WeChat's, so an event that cannot be read is no forgery: its kind is "". A result
        that cannot be read, or that WeChat calls invalid, is UNCHECKED.
        """
        if not self._key:
            self.check_address(signature, timestamp, nonce)
            return self._event_in(body)
        try:
            sealed = decode(body, _Sealed)
        except ValueError:
            raise ForgedPush("the body is not JSON in safe mode") from None
        if not _equal(msg_signature, self.signature(timestamp, nonce, sealed.encrypt)):
            raise ForgedPush("the signature is wrong")
        try:
            message = self.open(sealed.encrypt)
        except ValueError:
            raise ForgedPush("the message cannot be decrypted") from None
        return self._event_in(message)

    def forward(self, event: Event) -> bytes:
        """Return the answer by which WeChat passes a person's message on to customer service.

        https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/trans.html
        """
        now = int(time.time())
        said = {
            "ToUserName": event.sender,
            "FromUserName": event.receiver,
            "CreateTime": now,
            "MsgType": "transfer_customer_service",
        }
        message = msgspec.json.encode(said)
        if not self._key:
            return message
        nonce = secrets.token_hex(8)
        encrypted = self.seal(message)
        signature = self.signature(str(now), nonce, encrypted)
        sealed = {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": now, "Nonce": nonce}
        return msgspec.json.encode(sealed)

    def seal(self, message: bytes) -> str:
        """Return a message as both sides encrypt it in safe mode."""
        length = len(message).to_bytes(_LENGTH_BYTES, "big")
        plain = pad(secrets.token_bytes(_RANDOM_BYTES) + length + message + self._appid, _PADDED_TO, "pkcs7")
        return base64.b64encode(AES.new(self._key, AES.MODE_CBC, self._key[:16]).encrypt(plain)).decode()

    def signature(self, *parts: str) -> str:
        """Return the signature of these parts under our token."""
        return hashlib.sha1("".join(sorted([self._token, *parts])).encode()).hexdigest()  # noqa: S324

    def open(self, encrypted: str) -> bytes:
        """Return the message. Raises ForgedPush; ValueError for bad base64, length or padding."""
        cipher = AES.new(self._key, AES.MODE_CBC, self._key[:16])
        plain = unpad(cipher.decrypt(base64.b64decode(encrypted, validate=True)), _PADDED_TO, "pkcs7")
        begin = _RANDOM_BYTES + _LENGTH_BYTES
        end = begin + int.from_bytes(plain[_RANDOM_BYTES:begin], "big")
        if len(plain) < begin or plain[end:] != self._appid:
            raise ForgedPush("the message is for another mini-program")
        return plain[begin:end]

    def _event_in(self, message: bytes) -> Event:
        """Return the event that a message has. Raises ForgedPush."""
        try:
            read = decode(message, _Message)
        except ValueError:
            log.warning("WeChat pushed a message that does not have the documented fields")
            return Event()
        if read.app_id not in ("", self._appid.decode()):
            raise ForgedPush("the message is about another mini-program")
        if read.msg_type.lower() != "event":  # WeChat's pages spell it in two ways
            return Event(sender=read.from_user_name, receiver=read.to_user_name)
        return Event(
            kind=read.event,
            at=read.create_time,
            openid=read.open_id,
            revoked=frozenset(part.strip() for part in read.revoke_info.split(",")),
            trace_id=read.trace_id,
            checked=_result_in(read) if read.event == MEDIA_CHECK else UNCHECKED,
        )


def _result_in(read: _Message) -> Result:
    try:
        if str(decode(read.errcode)) == "0":
            return decode(read.result, Result)
    except ValueError:
        log.warning("WeChat pushed a picture's result that does not have the documented fields")
    return UNCHECKED


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
