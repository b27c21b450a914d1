"""Several secrets: the first seals and signs, all of them open and verify; an old box names no key."""

from __future__ import annotations

import os

import pytest
from tornado.web import create_signed_value

from server.keys import TOKEN_CHARACTERS, Keys, Proven
from support.old_boxes import sealed_as_before

OLD, NEW = b"the old secret, long enough for us", b"the new secret, long enough for us"


def test_a_box_names_its_key_and_reveals_nothing_more_of_it() -> None:
    first, second = (Keys(OLD).seal("seed", b"plain", "code") for _ in range(2))
    assert first[0] == 1
    assert first[:9] == second[:9] != Keys(NEW).seal("seed", b"plain", "code")[:9]
    assert first[9:21] != second[9:21]
    assert Keys(OLD)._derive("seed")[:8] not in first


def test_all_secrets_open_and_the_first_seals() -> None:
    before, while_both, after = Keys(OLD), Keys(NEW, OLD), Keys(NEW)
    box = before.seal("address", b"plain", "code:1")
    assert while_both.open("address", box, "code:1") == b"plain"
    assert not while_both.is_sealed_first(box)
    with pytest.raises(ValueError, match="no known secret"):
        after.open("address", box, "code:1")
    box = while_both.seal("address", b"plain", "code:1")
    assert while_both.is_sealed_first(box)
    assert after.open("address", box, "code:1") == b"plain"
    with pytest.raises(ValueError, match="no known secret"):
        before.open("address", box, "code:1")


def test_a_changed_box_or_one_for_another_purpose_is_not_opened() -> None:
    keys = Keys(NEW, OLD)
    for box in (keys.seal("seed", b"plain", "code"), sealed_as_before(Keys(OLD), "seed", b"plain", "code")):
        assert keys.open("seed", box, "code") == b"plain"
        for position in range(len(box)):
            bent = box[:position] + bytes([box[position] ^ 1]) + box[position + 1 :]
            with pytest.raises(ValueError, match="no known secret"):
                keys.open("seed", bent, "code")
        for purpose, associated in (("address", "code"), ("seed", "another")):
            with pytest.raises(ValueError, match="no known secret"):
                keys.open(purpose, box, associated)
    for short in (b"", b"\x01", keys.seal("seed", b"", "code")[:20]):
        with pytest.raises(ValueError, match="no known secret"):
            keys.open("seed", short, "code")


def test_an_old_box_is_opened_by_any_secret_even_if_it_begins_like_a_key_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = Keys(NEW, OLD)
    for secret in (OLD, NEW):
        assert keys.open("seed", sealed_as_before(Keys(secret), "seed", b"plain", "code"), "code") == b"plain"
    looks_named = Keys(NEW).seal("seed", b"", "code")[:9] + b"abc"
    monkeypatch.setattr(os, "urandom", lambda size: looks_named)
    assert keys.open("seed", sealed_as_before(Keys(OLD), "seed", b"plain", "code"), "code") == b"plain"


def test_tokens_of_all_secrets_are_valid_and_the_first_signs() -> None:
    both = Keys(NEW, OLD)
    assert both.read_token(Keys(OLD).sign_token("alice", 4)) == Proven("alice", 4)
    assert Keys(NEW).read_token(both.sign_token("alice", 4)) == Proven("alice", 4)
    assert Keys(OLD).read_token(both.sign_token("alice", 4)) is None


def test_an_old_token_has_generation_0() -> None:
    keys = Keys(OLD)
    token = create_signed_value(keys._derive("token").hex(), "token", "openid:of_before").decode()
    assert keys.read_token(token) == Proven("openid:of_before", 0)
    assert keys.read_token(keys.sign_token("x" * 128, 10**9)) == Proven("x" * 128, 10**9)
    assert len(keys.sign_token("x" * 128, 10**9)) <= TOKEN_CHARACTERS
