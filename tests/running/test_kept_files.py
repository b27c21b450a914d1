"""Files of DATA_DIR that are not what they should be: one line names each."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.__main__ import main
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.settings import Settings, secrets_of
from support import SOURCE
from support.servers import PATIENCE_SECONDS, a_server, clean_environment

# Without these rights, root is refused like anybody else.
AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def a_directory(path: Path) -> None:
    path.mkdir()


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def nuls(path: Path) -> None:
    path.write_bytes(bytes(43))


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff" * 43)


def empty(path: Path) -> None:
    path.touch()


def forbidden(path: Path) -> None:
    path.touch(0)


def closed(path: Path) -> None:
    path.mkdir(0)


# "." is DATA_DIR itself.
WRONG = [
    *(("lock", make) for make in (a_directory, a_loop, forbidden)),
    *(("secret_key", make) for make in (a_directory, a_loop, nuls, no_text, empty, forbidden)),
    *(("database", make) for make in (a_directory, a_loop, nuls, no_text, forbidden)),
    *((".", make) for make in (empty, a_loop, closed)),
]
# Starts a server for each directory, which ends at once. One process does for all, as its imports take long.
START_EACH = """
import os, sys
from server.__main__ import main
from server.running.stores import free_port

for directory in sys.argv[1:]:
    os.environ.update(DATA_DIR=directory, PORT=str(free_port()))
    print(main([]), file=sys.stderr)
    sys.stderr.finish()  # the next start writes to a stream of its own
"""


def test_a_file_that_a_start_needs_ends_it_with_one_line_that_names_it(tmp_path):
    places = []
    for number, (name, make) in enumerate(WRONG):
        directory = tmp_path / str(number)
        if name != ".":
            directory.mkdir()
        make(directory / name)
        places.append((directory, directory / name))
    ended = subprocess.run(
        [*AS_ANYBODY, sys.executable, "-c", START_EACH, *(str(directory) for directory, _ in places)],
        cwd=SOURCE,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.stdout == ""
    said = ended.stderr.splitlines()
    assert said[1::2] == ["2"] * len(WRONG)
    for (_, place), line in zip(places, said[::2], strict=True):
        assert line.count(str(place)) == 1


@pytest.mark.parametrize("store", [EmbeddedMongoDB, EmbeddedRedis])
@pytest.mark.parametrize("ending", ["uri", "log"])
def test_a_file_that_a_store_needs_is_named(tmp_path, store, ending):
    path = tmp_path / f"{store.name.lower()}.{ending}"
    path.mkdir()
    with pytest.raises(OSError, match=re.escape(str(path))):
        store(tmp_path).start()


def test_addresses_of_an_earlier_start_need_not_be_readable(tmp_path):
    for name in ("secantusdb.uri", "valkey.uri", "server.url"):
        no_text(tmp_path / name)
    with a_server(tmp_path):
        pass


@pytest.mark.parametrize(
    ("command", "name"), [("audit", "secantusdb.uri"), ("crowd", "server.url"), ("rotate", "secret_key")]
)
@pytest.mark.parametrize("make", [a_directory, nuls, no_text])
def test_a_command_names_the_file_that_it_cannot_use(tmp_path, monkeypatch, capsys, command, name, make):
    for variable in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    make(tmp_path / name)
    assert main([command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / name) in line


def test_a_new_secret_is_readable_by_its_owner_whatever_the_umask_is(tmp_path):
    before = os.umask(0o777)
    try:
        secrets_of(Settings(data_dir=str(tmp_path)), makes=True)
    finally:
        os.umask(before)
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
