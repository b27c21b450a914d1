"""Several secrets: the first seals and signs, all open and verify, and a sealed value names its secret."""

import pytest
from tornado.web import create_signed_value

from server.errors import Unavailable
from server.security.keys import TOKEN_CHARACTERS, KeyMissing, Keys, Proven

ALICE = Proven("alice", 4, "alice's unionid")
OLD = b"the old secret, long enough for us"
NEW = b"the new secret, long enough for us"


def test_a_sealed_value_names_its_secret_and_reveals_nothing_more_of_it():
    first, second = (Keys(OLD).seal("seed", b"plain", "code") for _ in range(2))
    assert first["key"] == second["key"] == Keys(OLD).fingerprint != Keys(NEW).fingerprint
    assert len(bytes.fromhex(first["key"])) == 8
    assert first["box"][:12] != second["box"][:12]
    assert Keys(OLD)._derive("seed")[:8].hex() != first["key"]


def test_all_secrets_open_and_the_first_seals():
    before = Keys(OLD)
    while_both = Keys(NEW, OLD)
    after = Keys(NEW)
    assert while_both.fingerprints == before.fingerprints | after.fingerprints
    sealed = before.seal("address", b"plain", "code:1")
    assert while_both.open("address", sealed, "code:1") == b"plain"
    with pytest.raises(KeyMissing):
        after.open("address", sealed, "code:1")
    sealed = while_both.seal("address", b"plain", "code:1")
    assert after.open("address", sealed, "code:1") == b"plain"
    with pytest.raises(Unavailable):  # not a bug: the client is told to come back
        before.open("address", sealed, "code:1")


def test_a_changed_value_or_one_for_another_purpose_is_not_opened():
    keys = Keys(NEW, OLD)
    sealed = keys.seal("seed", b"plain", "code")
    box = sealed["box"]
    assert keys.open("seed", sealed, "code") == b"plain"
    bent = [box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :] for at in range(len(box))]
    for broken in (*bent, b"", b"\x01", box[:20]):
        with pytest.raises(ValueError):
            keys.open("seed", {**sealed, "box": broken}, "code")
    for purpose, associated in (("address", "code"), ("seed", "another")):
        with pytest.raises(ValueError):
            keys.open(purpose, sealed, associated)
    with pytest.raises(ValueError):
        keys.open("seed", {**sealed, "key": Keys(OLD).fingerprint}, "code")


def test_tokens_of_all_secrets_are_valid_and_the_first_signs():
    both = Keys(NEW, OLD)
    assert both.read_token(Keys(OLD).sign_token(ALICE)) == ALICE
    assert Keys(NEW).read_token(both.sign_token(ALICE)) == ALICE
    assert Keys(OLD).read_token(both.sign_token(ALICE)) is None


def test_a_token_without_a_generation_proves_nothing():
    keys = Keys(OLD)
    token = create_signed_value(keys._derive("token").hex(), "token", "alice").decode()
    assert keys.read_token(token) is None
    longest = Proven("x" * 11, 10**9, "x" * 128)
    assert keys.read_token(keys.sign_token(longest)) == longest
    assert len(keys.sign_token(longest)) <= TOKEN_CHARACTERS
