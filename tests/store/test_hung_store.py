"""A MongoDB that accepts connections but answers nothing: `release` and `check` say so."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial

import pytest
from pymongo import IndexModel

from server.running.stores import EmbeddedMongoDB
from server.store import Store, schema
from server.store.schema import prepare
from support.screen import stopped


@pytest.fixture(scope="module")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    own = EmbeddedMongoDB(tmp_path_factory.mktemp("hung"))
    own.start()
    yield own
    own.kill()


@pytest.fixture
def hung(mongodb: EmbeddedMongoDB) -> Callable[[], AbstractContextManager[None]]:
    """A context in which the store hangs."""
    assert mongodb.process is not None
    return partial(stopped, [mongodb.process.pid])


def test_release_and_check_say_that_mongodb_does_not_answer(mongodb, hung, tmp_path):
    own = os.environ | {"MONGODB_URI": mongodb.uri, "DATA_DIR": str(tmp_path)}
    with hung():
        commands = [
            subprocess.Popen(
                [sys.executable, "-m", "server", *words], env=own, stderr=subprocess.PIPE, text=True
            )
            for words in (["release"], ["release", "--unchecked"], ["check"])
        ]
        for command in commands:
            _, said = command.communicate(timeout=60)
            assert command.returncode == 2
            assert re.fullmatch(r".*MongoDB does not answer: .*\n", said)


async def test_a_silence_in_the_middle_is_said_and_then_the_work_goes_on(mongodb, hung, monkeypatch):
    monkeypatch.setattr(schema, "ASK_SECONDS", 0.2)
    monkeypatch.setattr(schema, "SILENT_SECONDS", 1.0)
    store = Store(mongodb.uri, name="hung", limited=False)
    said: list[str] = []
    silence = ExitStack()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            silence.enter_context(hung())
        elif "answered nothing" in line:
            silence.close()

    await prepare(store.database, {}, say)  # from now on the database is not empty
    await prepare(store.database, {"digs": [IndexModel([("n", 1)], name="n")]}, say)
    assert said[0].startswith("building digs: n,")
    assert [line for line in said if re.match(r"MongoDB has answered nothing for [1-9]\d* s: ", line)]
    assert "n" in await store.database["digs"].index_information()
    store.close()
