"""What all tests share: which of them are slow, in which order they run, and where their fixtures are."""

import asyncio
import gc
import inspect
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

pytest.register_assert_rewrite("support")  # so that a failed assertion there shows its values
pytest_plugins = ("support.stores", "support.served")


# A bare `pytest`, which takes 3 minutes on two cores, leaves out the tests whose ids begin like this. They
# need browsers, whole servers or crowds, or test failovers, crashes at each step or random sequences. `pytest
# -m slow` runs them. If you name a file or a test, it runs too.
SLOW = (
    "actions/test_erasure.py::test_killed_",
    "actions/test_kills.py",
    "actions/test_rotation.py",
    "crowd/",
    "game/test_model.py",
    "game/test_model_guards.py",
    "handlers/test_generated_clients.py",
    "handlers/test_growing_reads.py",
    "memory/test_fair_start.py",
    "money/test_freezes.py",
    "money/test_money_sequences.py",
    "money/test_restores.py",
    "operation/test_alarms.py::test_each_rule_of_prometheus",
    "operation/test_audit.py::test_the_command_prints",
    "operation/test_operator_sessions.py",
    "operation/test_ops.py",
    "pages/",
    "pictures/test_processes.py",
    "pictures/test_uploads.py::test_forty_stalled_uploads",
    "realtime/test_cluster.py",
    "realtime/test_frozen_store.py",
    "realtime/test_outages.py",
    "realtime/test_push_faults.py::test_a_client_that_does_not_read",
    "running/",
    "store/test_denials.py::test_a_denial_ends_a_server",
    "store/test_failovers.py",
    "store/test_hung_store.py",
    "store/test_transitions.py",
    "test_check.py::test_release_checks_first",
    "test_regular_expressions.py",
    "test_settings.py::test_a_store_address_that_cannot_be_read_ends",
)


# The places whose files take longest, the longest first, and early the files that mostly wait: the others
# compute meanwhile.
LONGEST = (
    "pages/app",
    "pages/both",
    "pages/ops",
    "pages/miniprogram",
    "actions/test_kills",
    "handlers/test_growing_reads",
    "running/test_faults",
    "running/test_watchdog",
    "running/test_supervisor",
    "pages/test_moderation_screens",
    "store/test_failovers",
    "realtime/test_cluster",
    "running/test_old_beside_new",
    "crowd",
    "pages",
    "running",
    "actions",
    "money",
    "operation",
)


# The folders whose files run in one process, since they share a server and phones, which are dear to start.
TOGETHER = (
    ("tests/pages/app/",),
    ("tests/pages/both/", "tests/pages/miniprogram/"),
    ("tests/pages/ops/",),
)


HERE = Path(__file__).parent


MEMORY = Path("/dev/shm")  # noqa: S108


MEMORY_BYTES = 2 << 30  # a container's /dev/shm may have only 64 MB


# A busy machine must not fail a test.
hypothesis.settings.register_profile("wabao", deadline=None)


hypothesis.settings.load_profile("wabao")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out the slow tests, unless the command line says which tests are wanted.

    Keep temporary files in memory: each test makes a database of its own, which is slow on a disk.
    """
    if not _says_which(config):
        config.option.markexpr = "not slow"
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one more than the number of cores: sometimes a test waits for a timeout or a process.

    Slow tests wait for half of their time.
    """
    further = 2 if config.option.markexpr == "slow" else 1
    return len(os.sched_getaffinity(0)) + further


class Together(LoadFileScheduling):
    """Gives a process whole files, and folders of one line of TOGETHER whole."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((folders[0] for folders in TOGETHER if file.startswith(folders)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Return what deals the tests out to the processes."""
    return Together(config, log)


def _says_which(config: pytest.Config) -> bool:
    """Return whether the command line says which tests are wanted: by mark, words, last failures or place."""
    options = ("markexpr", "keyword", "lf", "failedfirst")  # the last two are from a plugin, which may be off
    asked = any(config.getoption(option, default=False) for option in options)
    return asked or config.args_source is pytest.Config.ArgsSource.ARGS


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what has no wanted test, nor its folder's conftest; else each process would import it."""
    name = collection_path.relative_to(HERE).as_posix() + "/" * collection_path.is_dir()
    if config.option.markexpr == "not slow" and name.startswith(SLOW):
        return True
    if config.option.markexpr == "slow" and collection_path.is_file():
        return None if any(each.startswith(name) or name.startswith(each) for each in SLOW) else True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the coroutines (for pytest-tornado) and the slow tests.

    Begin with the longest files, so that no process ends minutes after the others.
    """
    for item in items:
        if inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.gen_test)
        if item.nodeid.removeprefix("tests/").startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Spare each later collection of garbage the look through all that is imported by now."""
    gc.freeze()


def _rank(item: pytest.Item) -> int:
    place = item.nodeid.removeprefix("tests/")
    return next((rank for rank, longest in enumerate(LONGEST) if place.startswith(longest)), len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _current_loop() -> Iterator[None]:
    """Set a current loop. Without it, Tornado would make a loop that nobody closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
