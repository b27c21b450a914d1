"""Acts of the command line are in the operators' audit log, under the machine's user name."""

import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest

from server.__main__ import main
from server.actions import command_line
from server.context import Context
from server.security.keys import Keys
from server.settings import Settings
from support.purse import find

Log = list[tuple[str, str, str]]
USER = pwd.getpwuid(os.getuid()).pw_name
OTHER = "a secret of nobody who serves here, 32 or more"


@pytest.fixture
def log(io_loop: Any, context: Context) -> Callable[[], Log]:
    """Return the acts in the log, oldest first, each as act, target and outcome."""

    def read() -> Log:
        acts = io_loop.run_sync(lambda: find(context, "audit_log"))
        assert all((act["operator"], act["shared"]) == (f"command line: {USER}", 0) for act in acts)
        return [(act["act"], act["target"], act["outcome"]) for act in acts]

    return read


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", settings.mongodb_uri)
    monkeypatch.setenv("DATA_DIR", settings.data_dir)


def test_a_rotation_is_logged_with_what_became_of_it(io_loop, context, log, monkeypatch):
    ours = context.keys.fingerprint

    async def note() -> None:
        await context.database.answers()
        await context.store.meta.note_sealing(context.database.identity, ours)

    io_loop.run_sync(note)
    monkeypatch.setenv("SECRET_KEY", OTHER)
    assert main(["rotate"]) == 2
    monkeypatch.setenv("SECRET_KEY", context.settings.secret_key)
    assert main(["rotate"]) == 0
    foreign = Keys(OTHER.encode()).seal("seed", b"seed", "code")
    io_loop.run_sync(lambda: context.store.database["tasks"].insert_one({"_id": "code", "seed_box": foreign}))
    assert main(["rotate"]) == 1
    assert log() == [
        ("run_rotate", Keys(OTHER.encode()).fingerprint, "refused"),
        ("run_rotate", ours, "done"),
        ("run_rotate", ours, "left"),
    ]


def test_a_forgotten_person_is_logged_by_our_id_alone(io_loop, context, log):
    person = {"_id": "b" * 11, "unionid": "bob", "openid": "o", "generation": 0}
    io_loop.run_sync(lambda: context.store.people.rows.insert_one(person))
    assert main(["forget", "bob"]) == 0
    assert main(["forget", "bob"]) == 1
    assert log() == [("run_forget", f"person:{'b' * 11}", "done"), ("run_forget", "person:", "refused")]


def test_a_release_is_logged_also_the_first_one(context, log, own_uri, own_database, monkeypatch):
    assert main(["release", "--unchecked"]) == 0
    assert log() == [("run_release", "", "done")]
    monkeypatch.setenv("MONGODB_URI", own_uri)
    assert main(["release", "--unchecked"]) == 0
    assert [act["outcome"] for act in own_database["audit_log"].find()] == ["done"]
    own_database["meta"].update_one({"_id": "schema"}, {"$set": {"version": 2}})
    assert main(["release", "--unchecked"]) == 2
    # Nothing is touched in a database of another version.
    assert [act["outcome"] for act in own_database["audit_log"].find()] == ["done"]


def test_a_user_without_a_name_is_named_by_number(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert command_line.who_runs() == ("command line: uid 4000000000", False)
