"""A MongoDB that accepts connections but answers nothing: `release` and `check` say so."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from server.running.stores import EmbeddedMongoDB
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
