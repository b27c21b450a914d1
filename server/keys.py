"""Keys derived from `SECRET_KEY`, one a purpose, and what is done with them: sealing and tokens.

Nothing else may read the secret. Sealed boxes are AES-256-GCM: nonce (12 bytes), tag (16), ciphertext.
"""

from __future__ import annotations

import hmac
import os
import time
from functools import lru_cache

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF
from tornado.web import create_signed_value, decode_signed_value

TOKEN_DAYS = 30
TOKEN_CHARACTERS = 400  # those of the longest unionid have fewer
TOKENS_REMEMBERED = 10_000


class Keys:
    """All that the secret is used for.

    The purposes are `seed`, `address`, `access_token`, `pay`, `token` and `share`.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._derive = lru_cache(maxsize=None)(self._derived)
        self._read_token = lru_cache(maxsize=TOKENS_REMEMBERED)(self._token_read)

    def _derived(self, purpose: str) -> bytes:
        key = HKDF(self._secret, 32, b"wabao", SHA256, context=purpose.encode())
        assert isinstance(key, bytes)  # noqa: S101  (HKDF returns a tuple only when asked for several keys)
        return key

    def seal(self, purpose: str, plain: bytes, associated: str) -> bytes:
        """Encrypt; `associated` (a task's code, a prize's id) must be given again to open."""
        nonce = os.urandom(12)
        cipher = AES.new(self._derive(purpose), AES.MODE_GCM, nonce=nonce)
        cipher.update(associated.encode())
        ciphertext, tag = cipher.encrypt_and_digest(plain)
        return nonce + tag + ciphertext

    def open(self, purpose: str, box: bytes, associated: str) -> bytes:
        """Raise ValueError where the box was sealed under another key, purpose or `associated`."""
        cipher = AES.new(self._derive(purpose), AES.MODE_GCM, nonce=box[:12])
        cipher.update(associated.encode())
        return cipher.decrypt_and_verify(box[28:], box[12:28])

    @property
    def share_key(self) -> bytes:
        """The key under which share tokens are derived."""
        return self._derive("share")

    def sign_token(self, unionid: str) -> str:
        """Return a session token that proves `unionid` for `TOKEN_DAYS` days."""
        return create_signed_value(self._derive("token").hex(), "token", unionid).decode()

    def operator_token(self) -> str:
        """Return what lets an operator in where OPS_TOKEN is not set: the same at each start."""
        return self._derive("operator").hex()[:24]

    def operator_hash(self, value: str, operator_token: str) -> str:
        """Return what an operator's session or address is found by. Another token gives another hash."""
        key = hmac.digest(self._derive("operator session"), operator_token.encode(), "sha256")
        return hmac.digest(key, value.encode(), "sha256").hex()

    def read_token(self, token: str) -> str | None:
        """Return the unionid that a valid token proves; None for a forged, foreign or expired one."""
        if len(token) > TOKEN_CHARACTERS:
            return None
        return self._read_token(token, int(time.time()) // 60)

    def _token_read(self, token: str, minute: int) -> str | None:
        """Read a token once a minute, however often its owner sends it."""
        try:
            value = decode_signed_value(
                self._derive("token").hex(), "token", token, max_age_days=TOKEN_DAYS, min_version=2
            )
            return None if value is None else value.decode()
        except UnicodeError:
            return None
