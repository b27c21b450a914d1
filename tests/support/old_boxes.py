"""Boxes as servers before several secrets sealed them."""

from __future__ import annotations

import os

from Crypto.Cipher import AES

from server.keys import Keys


def of_before(keys: Keys, purpose: str, plain: bytes, associated: str) -> bytes:
    """Seal as versions did that knew one secret: nonce, tag, ciphertext."""
    nonce = os.urandom(12)
    cipher = AES.new(keys._derive(purpose), AES.MODE_GCM, nonce=nonce)
    cipher.update(associated.encode())
    ciphertext, tag = cipher.encrypt_and_digest(plain)
    return nonce + tag + ciphertext
