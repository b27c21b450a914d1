"""Clients that others' generators make from `/openapi.json` compile, and play one treasure."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support import SOURCE
from support.browser import Person
from support.client import a_picture
from support.servers import Running, a_server

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
NODE_MODULES = SOURCE / "tests" / "handlers" / "typescript" / "node_modules"
TYPES = NODE_MODULES / ".bin" / "openapi-typescript"
COMPILER = NODE_MODULES / ".bin" / "tsc"
SECONDS = 200
PROGRAM = """
import type { paths } from "./api";
type Dig = paths["/postTask"]["post"];
type Reply = Dig["responses"][200]["content"]["application/json"];
type Asked = Dig["requestBody"]["content"]["application/json"];
const [site, token, unionid, code] = process.argv.slice(2) as [string, string, string, string];
const body: Asked = { unionid, code };
const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
fetch(`${site}/postTask`, { method: "POST", headers, body: JSON.stringify(body) })
  .then((answer) => answer.json())
  .then((reply: Reply) => console.log("now_depth" in reply ? `depth ${reply.now_depth}` : reply));
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with a_server(tmp_path_factory.mktemp("generated")) as running:
        yield running


@pytest.fixture(scope="module")
def document(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("described") / "openapi.json"
    path.write_text(httpx.get(f"{server.address}/openapi.json", headers={"Accept-Language": "en"}).text)
    return path


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not GENERATOR.exists(), reason="openapi-python-client is not installed")
def test_the_client_of_openapi_python_client_plays(server, document, tmp_path, monkeypatch):
    said = run(
        *(GENERATOR, "generate", "--path", document, "--output-path", tmp_path / "generated_client"),
        *("--meta", "none"),
        cwd=tmp_path,
    )
    assert "Warning" not in said, said
    monkeypatch.syspath_prepend(tmp_path)
    client = importlib.import_module("generated_client")
    for module in pkgutil.walk_packages(client.__path__, "generated_client."):
        importlib.import_module(module.name)
    post_task = importlib.import_module("generated_client.api.digging.post_task").sync
    get_details = importlib.import_module("generated_client.api.digging.get_task_details").sync
    models = importlib.import_module("generated_client.models")
    alice, bob = (Person.log_in(server.address, user) for user in ("alice", "bob"))
    code = alice.publish(a_picture(), cd=0)
    with client.AuthenticatedClient(base_url=server.address, token=bob.token) as http:
        dug = post_task(client=http, body=models.DigRequest(unionid=bob.unionid, code=code))
        assert (type(dug), dug.now_depth) == (models.DigReply, 1)
        refused = post_task(client=http, body=models.DigRequest(unionid=bob.unionid, code="A" * 12))
        assert (type(refused), refused.error) == (models.RefusalReply, "no_such_task")
        assert get_details(client=http, unionid=bob.unionid, code=code).now_depth == 1


@pytest.mark.skipif(not TYPES.exists(), reason="npm ci was not run in tests/handlers/typescript")
def test_a_program_with_the_types_of_openapi_typescript_compiles_and_plays(server, document, tmp_path):
    run(TYPES, document, "-o", tmp_path / "api.d.ts", cwd=tmp_path)
    (tmp_path / "play.ts").write_text(PROGRAM)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    run(COMPILER, "--strict", "--target", "es2022", "--module", "commonjs", "play.ts", cwd=tmp_path)
    alice, bob = (Person.log_in(server.address, user) for user in ("carol", "dave"))
    code = alice.publish(a_picture(), cd=0)
    said = run("node", "play.js", server.address, bob.token, bob.unionid, code, cwd=tmp_path)
    assert said == "depth 1\n"
