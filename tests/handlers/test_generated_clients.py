"""Linters find no error in the descriptions. What others' generators make of these compiles, and plays."""

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support import SOURCE
from support.browser import Person
from support.servers import Running

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
NODE_MODULES = SOURCE / "tests" / "handlers" / "typescript" / "node_modules"
TYPES = NODE_MODULES / ".bin" / "openapi-typescript"
COMPILER = NODE_MODULES / ".bin" / "tsc"
SPECTRAL = NODE_MODULES / ".bin" / "spectral"
REDOCLY = NODE_MODULES / ".bin" / "redocly"
SECONDS = 200
# The linters' warnings, each with the reason why we leave it.
NOBODY_TO_WRITE_TO = "who serves this says so in its texts"
SAID_BY_ITS_NAME = "its name says what it is"
OUR_LICENCE = "that of this code says nothing of a server's data"
WARNINGS = {
    "info-contact": NOBODY_TO_WRITE_TO,
    "oas3-unused-component": "what a GET takes, as a whole; its operation has the fields one by one",
    "no-unused-components": "the same",
    "tag-description": SAID_BY_ITS_NAME,
    "info-license": OUR_LICENCE,
    "asyncapi-info-contact": NOBODY_TO_WRITE_TO,
    "asyncapi-info-license": OUR_LICENCE,
    "asyncapi-3-tags": "there is one channel",
    "asyncapi-3-operation-description": "each has a summary",
    "operation-description": "the sandbox's, which is for development",
    "operation-4xx-response": "the same",
    "security-defined": "the token comes in the message `hello`",
}
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
TAKER = """
import { Subscribe } from "./Subscribe";
import { Tick } from "./Tick";
import { Watchers } from "./Watchers";
export function take(frame: Tick | Watchers, asked: Subscribe): string {
  return `${asked.code} ${"time" in frame ? frame.time : frame.watchers}`;
}
"""


@pytest.fixture(scope="module")
def documents(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("described")
    for name in ("openapi.json", "asyncapi.json"):
        found = httpx.get(f"{server.address}/{name}", headers={"Accept-Language": "en"})
        (folder / name).write_text(found.text)
    return folder


@pytest.fixture(scope="module")
def document(documents: Path) -> Path:
    return documents / "openapi.json"


def run(*command: str | Path, cwd: Path) -> str:
    quiet = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, env=quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not TYPES.exists(), reason="npm ci was not run in tests/handlers/typescript")
def test_spectral_and_redocly_find_no_error_and_the_listed_warnings(documents):
    rules = NODE_MODULES.with_name("spectral.yaml")
    names = ("openapi.json", "asyncapi.json")
    found = run(SPECTRAL, "lint", *names, "--ruleset", rules, "--format", "json", cwd=documents)
    warned = {problem["code"] for problem in json.loads(found)}
    found = run(REDOCLY, "lint", *names, "--format", "json", cwd=documents)
    warned |= set(re.findall(r'"ruleId": "(.+?)"', found))
    assert warned == WARNINGS.keys()


@pytest.mark.skipif(not TYPES.exists(), reason="npm ci was not run in tests/handlers/typescript")
def test_modelinas_types_of_each_message_and_frame_compile(documents, tmp_path):
    run("node", NODE_MODULES.with_name("models.cjs"), documents / "asyncapi.json", tmp_path, cwd=tmp_path)
    (tmp_path / "take.ts").write_text(TAKER)
    run(COMPILER, "--strict", "--noEmit", "--target", "es2022", "take.ts", cwd=tmp_path)
    messages = json.loads((documents / "asyncapi.json").read_text())["components"]["messages"]
    assert {f"{name}.ts" for name in messages} <= {path.name for path in tmp_path.iterdir()}


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
    code = alice.publish(cd=0)
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
    code = alice.publish(cd=0)
    said = run("node", "play.js", server.address, bob.token, bob.unionid, code, cwd=tmp_path)
    assert said == "depth 1\n"
