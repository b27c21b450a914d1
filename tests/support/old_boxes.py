"""Boxes as old servers sealed them, which knew one secret only."""

from __future__ import annotations

import os

from Crypto.Cipher import AES

from server.keys import Keys


def sealed_as_before(keys: Keys, purpose: str, plain: bytes, associated: str) -> bytes:
    """Seal as old versions did: nonce, tag, ciphertext, and no name of a key."""
    nonce = os.urandom(12)
    cipher = AES.new(keys._derive(purpose), AES.MODE_GCM, nonce=nonce)
    cipher.update(associated.encode())
    ciphertext, tag = cipher.encrypt_and_digest(plain)
    return nonce + tag + ciphertext
