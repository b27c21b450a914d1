"""A MongoDB that accepts connections but answers nothing: `release` and `check` say so."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from server.running.stores import EmbeddedMongoDB
from support.servers import Running, started, stopped


@pytest.fixture(scope="module")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    with started(EmbeddedMongoDB(tmp_path_factory.mktemp("hung"))) as own:
        yield own


@pytest.fixture
def hung(mongodb: EmbeddedMongoDB) -> Callable[[], AbstractContextManager[None]]:
    """A context in which the store hangs."""
    assert mongodb.process is not None
    return partial(stopped, [mongodb.process.pid])


def test_release_and_check_say_that_mongodb_does_not_answer(mongodb, hung, tmp_path):
    with hung():
        asked = (["release"], ["release", "--unchecked"], ["check"])
        for command in [Running(tmp_path, *words, MONGODB_URI=mongodb.uri) for words in asked]:
            assert command.wait() == 2
            assert re.fullmatch(r".*MongoDB does not answer: .*\n", "".join(command.said))
