"""A server serves nothing from a database that is not its own or that it cannot decrypt, and says so."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.running.stores import free_port
from server.security.keys import Keys
from support.browser import Person
from support.client import a_picture
from support.databases import with_database
from support.servers import PATIENCE_SECONDS, Running, clean_environment

NEW = "the secret of after: 32 characters or more"


def get(server: Running, path: str, **query: str) -> dict[str, Any]:
    reply: dict[str, Any] = httpx.get(f"{server.address}{path}", params=query, timeout=10).json()
    return reply


def error_of(server: Running, path: str, **query: str) -> str:
    return str(get(server, path, **query).get("error", ""))


def rotate(data_dir: Path, **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "server", "rotate"],
        env=clean_environment(DATA_DIR=str(data_dir), **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def stores(tmp_path: Path, mongodb_uri: str, redis_url: str) -> dict[str, str]:
    """A Redis, and a MongoDB that `release` has prepared."""
    found = {"MONGODB_URI": with_database(mongodb_uri, f"test_{os.urandom(6).hex()}"), "REDIS_URL": redis_url}
    environment = clean_environment(DATA_DIR=str(tmp_path / "data"), **found)
    command = [sys.executable, "-m", "server", "release", "--unchecked"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0
    return found


def test_a_rotation_without_the_servers_secrets_loses_no_seed_and_a_server_without_a_needed_one_is_not_ready(
    tmp_path, stores
):
    data = tmp_path / "data"
    port = free_port()
    server = Running(data, port, **stores)
    server.wait_for("Wabao is ready at ")
    code = Person.log_in(server.address, "alice").publish(a_picture(), forecast_num=1000)
    bob = Person.log_in(server.address, "bob")
    server.end()
    old = (data / "secret_key").read_text()
    of_old, of_new = (Keys(secret.encode()).fingerprint for secret in (old, NEW))

    both = {**stores, "SECRET_KEYS": f"{NEW},{old}"}
    server = Running(data, port, **both)
    server.wait_for("Wabao is ready at ")
    stranger = "a secret of no server: 32 characters or more"
    exit_code, said = rotate(data, **stores, SECRET_KEYS=f"{stranger},{old}")
    assert exit_code == 2
    assert "nothing was changed: servers of this database have sealed under" in said
    assert bob.error_of("/postTask", code=code) == ""
    server.kill()

    server = Running(data, port, **stores, SECRET_KEYS=NEW)
    server.wait_for(f"not ready: SECRET_KEYS lacks {of_old}")
    assert httpx.get(f"{server.address}/healthz", timeout=10).status_code == 200
    assert of_old in get(server, "/readyz")["msg"]
    assert bob.error_of("/postTask", code=code) == "unavailable"
    server.end()

    exit_code, said = rotate(data, **both)
    assert (exit_code, f"seed: 1 sealed anew, from {of_old} to {of_new}" in said) == (0, True)
    server = Running(data, port, **stores, SECRET_KEYS=NEW)
    server.wait_for("Wabao is ready at ")
    assert Person.log_in(server.address, "bob").post("/postTask", code=code)["now_depth"] == 2
    server.kill()
