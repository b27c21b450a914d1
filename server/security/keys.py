"""Keys derived from the secrets, one per purpose, and their uses: sealing and tokens.

Nothing else may read a secret. The first secret seals and signs, and all secrets open and verify, so a new
secret can be put first.

A sealed value carries the fingerprint of its secret. The fingerprint is derived from the secret as keys are,
and tells nothing about it. The sealed value is a nonce (12 bytes), a tag (16) and the ciphertext of
AES-256-GCM.
"""

import hmac
import os
import time
from functools import lru_cache
from typing import Any, NamedTuple

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF
from tornado.web import create_signed_value, decode_signed_value

from server.errors import Unavailable
from server.game.sealed import Sealed, SealedCode
from server.security.random_codes import PERSON_ID_BYTES, PERSON_ID_CHARACTERS, base_62, number_of

TOKEN_DAYS = 30
TOKEN_CHARACTERS = 400  # a token with the longest unionid is shorter
TOKENS_REMEMBERED = 10_000
FINGERPRINT_DIGITS = 16
SHARE_CHARACTERS = 31  # a task's code has 12, so the length tells a share token from a code
_CODE_BYTES = 9
_SHARE_IV_BYTES = 6
_SHARE_BYTES = _SHARE_IV_BYTES + _CODE_BYTES + PERSON_ID_BYTES
MAC_BYTES = 16  # of a message between processes
TIME_BYTES = 4  # of such a message, in seconds


class Proven(NamedTuple):
    """What a valid token proves: whose it is, and to which generation of that person's tokens it belongs.

    `unionid` is that person's id on the wire, `person_id` their id in the database.
    """

    person_id: str
    generation: int
    unionid: str


class KeyMissing(Unavailable, ValueError):
    """No secret of ours opens a value: this server is not ready, and says so on `/readyz`."""


class Keys:
    """Seals, opens, signs and verifies.

    Values are sealed for the purposes seed, address, pickup and commitment. A sealed commitment is not
    stored.
    """

    def __init__(self, first: bytes, *others: bytes) -> None:
        self._secrets = (first, *others)
        self._derive = lru_cache(maxsize=None)(self._derive_key)
        self._read_token = lru_cache(maxsize=TOKENS_REMEMBERED)(self._verify_token)
        self._by_fingerprint = {self._fingerprint(secret): secret for secret in self._secrets}

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the secret that seals."""
        return self._fingerprint(self._secrets[0])

    @property
    def fingerprints(self) -> frozenset[str]:
        """The fingerprints of all secrets that open."""
        return frozenset(self._by_fingerprint)

    def _derive_key(self, purpose: str, secret: bytes | None = None) -> bytes:
        """Return the key for a purpose, derived from the first secret unless another is given."""
        master = self._secrets[0] if secret is None else secret
        key = HKDF(master, 32, b"wabao", SHA256, context=purpose.encode())
        assert isinstance(key, bytes)  # noqa: S101  (HKDF returns a tuple only when asked for several keys)
        return key

    def _fingerprint(self, secret: bytes) -> str:
        return self._derive("name", secret).hex()[:FINGERPRINT_DIGITS]

    def seal(self, purpose: str, plain: bytes, associated: str) -> Sealed:
        """Encrypt; `associated` (a task's code, a prize's id) must be given again to open."""
        nonce = os.urandom(12)
        cipher = AES.new(self._derive(purpose), AES.MODE_GCM, nonce=nonce)
        cipher.update(associated.encode())
        ciphertext, tag = cipher.encrypt_and_digest(plain)
        return Sealed(key=self.fingerprint, box=nonce + tag + ciphertext)

    def open(self, purpose: str, sealed: Sealed, associated: str) -> bytes:
        """Decrypt. Raises KeyMissing if its secret is not known, ValueError if it was sealed for another use.

        Another use means another `purpose` or `associated`. A changed byte raises ValueError, too.
        """
        secret = self._by_fingerprint.get(sealed["key"])
        if secret is None:
            raise KeyMissing
        box = bytes(sealed["box"])
        cipher = AES.new(self._derive(purpose, secret), AES.MODE_GCM, nonce=box[:12])
        cipher.update(associated.encode())
        return cipher.decrypt_and_verify(box[28:], box[12:28])

    def seal_share(self, code: str, person_id: str) -> str:
        """Return the share token of a task and a person: both, encrypted, in SHARE_CHARACTERS characters.

        The same token each time, since the IV is a keyed hash of what is encrypted (as in SIV, RFC 5297).
        The hash also tells an altered token. It has 48 bits, as WeChat's `scene` takes only 32 characters.
        """
        plain = number_of(code).to_bytes(_CODE_BYTES, "big")
        plain += number_of(person_id).to_bytes(PERSON_ID_BYTES, "big")
        iv = self._share_iv(plain, self._secrets[0])
        sealed = iv + self._share_cipher(iv, self._secrets[0]).encrypt(plain)
        return base_62(int.from_bytes(sealed, "big"), SHARE_CHARACTERS)

    def open_share(self, token: str) -> tuple[str, str] | None:
        """Return the task's code and the person's id of a share token; None for one that no secret made."""
        number = number_of(token)
        if number.bit_length() > 8 * _SHARE_BYTES:
            return None
        sealed = number.to_bytes(_SHARE_BYTES, "big")
        iv = sealed[:_SHARE_IV_BYTES]
        for secret in self._secrets:
            plain = self._share_cipher(iv, secret).decrypt(sealed[_SHARE_IV_BYTES:])
            if hmac.compare_digest(iv, self._share_iv(plain, secret)):
                code = plain[:_CODE_BYTES]
                person_id = plain[_CODE_BYTES:]
                return (
                    base_62(int.from_bytes(code, "big")),
                    base_62(int.from_bytes(person_id, "big"), PERSON_ID_CHARACTERS),
                )
        return None

    def _share_iv(self, plain: bytes, secret: bytes) -> bytes:
        return hmac.digest(self._derive("share iv", secret), plain, "sha256")[:_SHARE_IV_BYTES]

    def _share_cipher(self, iv: bytes, secret: bytes) -> Any:
        counter = iv.ljust(AES.block_size, b"\0")
        return AES.new(self._derive("share", secret), AES.MODE_CTR, nonce=b"", initial_value=counter)

    @property
    def publish_key(self) -> bytes:
        """The key under which a task's code follows from its `publish_id`."""
        return self._derive("publish")

    def sign_token(self, proven: Proven) -> str:
        """Return a token that proves this for `TOKEN_DAYS` days, or until its generation ends."""
        value = f"{proven.person_id} {proven.generation} {proven.unionid}"
        return create_signed_value(self._derive("token").hex(), "token", value).decode()

    def operator_token(self) -> str:
        """Return the operators' token for a server without OPS_TOKEN. It is the same at each start."""
        return self._derive("operator").hex()[:24]

    def operator_hash(self, value: str, operator_token: str) -> str:
        """Return a keyed hash of an operator's session, or of an address. It depends on `operator_token`
        too."""
        key = hmac.digest(self._derive("operator session"), operator_token.encode(), "sha256")
        return hmac.digest(key, value.encode(), "sha256").hex()

    def seal_pickup(self, pickup: str, prize_id: str) -> SealedCode:
        """Return a pick-up code as it is stored."""
        sealed = self.seal("pickup", pickup.encode(), prize_id)
        return SealedCode(**sealed, hash=self.pickup_hashes(prize_id.partition(":")[0], pickup)[0])

    def pickup_hashes(self, code: str, pickup: str) -> list[str]:
        """Return the keyed hashes by which a pick-up code of a task is found, as `phone_hashes` does."""
        return self._hashes("pickup hash", f"{code}:{pickup}")

    def phone_hashes(self, digits: str) -> list[str]:
        """Return the keyed hashes by which a phone is found: the first is under the secret that seals."""
        return self._hashes("phone", digits)

    def _hashes(self, purpose: str, value: str) -> list[str]:
        """Return the hash of a value under each secret."""
        keys = [self._derive(purpose, secret) for secret in self._secrets]
        return [hmac.digest(key, value.encode(), "sha256").hex() for key in keys]

    def sign_message(self, channel: str, message: bytes, now_ms: int) -> bytes:
        """Return a message between our processes as it goes through Redis: its HMAC, when it was sent (unix
        seconds), and the message."""
        dated = (now_ms // 1000).to_bytes(TIME_BYTES, "big") + message
        return _message_mac(self._derive("message"), channel, dated) + dated

    def read_message(self, channel: str, signed: bytes, now_ms: int, late_ms: int) -> bytes | None:
        """Return the message that `sign_message` signed for this channel, under any of the secrets; else
        None. Also None if that was more than `late_ms` ago, or ahead: somebody may have sent it again."""
        mac = signed[:MAC_BYTES]
        dated = signed[MAC_BYTES:]
        keys = [self._derive("message", secret) for secret in self._secrets]
        ours = any(hmac.compare_digest(_message_mac(key, channel, dated), mac) for key in keys)
        lately = abs(now_ms - 1000 * int.from_bytes(dated[:TIME_BYTES], "big")) <= late_ms
        return dated[TIME_BYTES:] if ours and lately else None

    def limit_name(self, who: str) -> str:
        """Return a keyed hash of a person or an address: the name under which Redis counts for a limit."""
        return hmac.digest(self._derive("limit"), who.encode(), "sha256")[:16].hex()

    def sign_picture(self, path: str, until_seconds: int, secret: bytes | None = None) -> str:
        """Return a signature with which a picture is shown until `until_seconds` (unix time)."""
        signed = f"{until_seconds}:{path}".encode()
        return hmac.digest(self._derive("picture", secret), signed, "sha256")[:16].hex()

    def verifies_picture(self, path: str, until_seconds: int, signature: str) -> bool:
        """Whether `sign_picture` made this signature, under any of the secrets. Does not look at the time."""
        return any(
            hmac.compare_digest(self.sign_picture(path, until_seconds, secret).encode(), signature.encode())
            for secret in self._secrets
        )

    def read_token(self, token: str) -> Proven | None:
        """Return what a valid token proves; None for a forged, foreign or expired one.

        The person's record says whether its generation has ended: see `check_session`.
        """
        if len(token) > TOKEN_CHARACTERS:
            return None
        return self._read_token(token, int(time.time()) // 60)

    def _verify_token(self, token: str, minute: int) -> Proven | None:
        """Verify a token. `minute` is there for the cache: each token is verified once per minute."""
        try:
            for secret in self._secrets:
                key = self._derive("token", secret).hex()
                value = decode_signed_value(key, "token", token, max_age_days=TOKEN_DAYS, min_version=2)
                if value is not None:
                    person_id, generation, unionid = value.decode().split(" ", 2)
                    return Proven(person_id, int(generation), unionid)
        except ValueError:
            return None
        return None


def _message_mac(key: bytes, channel: str, dated: bytes) -> bytes:
    return hmac.digest(key, channel.encode() + b"\n" + dated, "sha256")[:MAC_BYTES]
