"""Requests that schemathesis makes from `/openapi.json`, with values that exist: is each reply as declared?

    pip install -e '.[embedded,fuzz]'     # in an environment without the tests: it brings a pytest plugin
    python bench/schema.py [--requests 20000] [--seconds 3600] [--seed 1]

Starts a server of two processes that checks contents, sends messages and limits payouts, and fills it with
people, tasks of each kind, orders, prizes and claims. Schemathesis makes requests to all interfaces; some
keep to the declarations, some break them. Most of their ids, codes, share tokens and tokens are then replaced
by existing ones. Later requests use values from earlier replies, so tasks are published, checked, paid, dug,
won, claimed, sent, frozen, reported and ended. An interface that accepted no request counts as missed.
Findings are

- HTTP 500 or an unexpected 503; a status, a content type or a field that is not declared;
- a leak in a reply, in a frame of the websockets that listen, or in the log: another person's id, openid,
  token or address, a session key of WeChat, the seed of a task that runs, an operator's token or cookie.

The seed fixes what is sent, apart from values that the server makes. Prints a table; exits with 1 on a
finding.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from parts.asking import Sender
from parts.cast import Cast, make_older
from parts.leaks import Leaks, Listener
from parts.serving import MESSAGES, PUSH, Server, running
from parts.table import Row

SECRET = "a secret that only this bench knows, 32+"
OPERATOR_TOKEN = "an operator's token of this bench, 24+"
BATCH = 500
REQUEST_SECONDS = 30
SHOWN = 5
CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# These settings hold payouts and treasures back, so that operators have something to decide.
HOLDS = {"RISK_HELD": "3", "CASH_PAIR_WEEK_YUAN": "6", "REPORTS_TO_HOLD": "2"}
MORE_DIGS = 7


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """Return the description, changed so that it forbids undeclared fields in replies."""
    schemas = document["components"]["schemas"]
    replies = [
        operation["responses"]["200"] for path in document["paths"].values() for operation in path.values()
    ]
    given = set(_schemas_in(replies))
    while more := {inner for name in given for inner in _schemas_in(schemas[name])} - given:
        given |= more
    for name in given - {"RefusalReply"}:  # refusals may have more fields, as `cooling_down` does
        if "properties" in schemas[name]:
            schemas[name]["additionalProperties"] = False
    return document


def _schemas_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for inner in part.values():
            yield from _schemas_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _schemas_in(inner)


class Tally:
    """The requests that were sent, how they were answered, and the findings."""

    def __init__(self) -> None:
        self.answers: dict[str, Counter[str]] = {}
        self.found: Counter[str] = Counter()

    @property
    def requests(self) -> int:
        return sum(answers.total() for answers in self.answers.values())

    def answered(self, label: str, response: Any) -> None:
        """Count a reply; HTTP 500 and unexpected 503 are findings."""
        try:
            reply = response.json()
        except ValueError:
            reply = {}
        said = "fine" if not reply.get("status", response.status_code != 200) else reply.get("error", "?")
        self.answers[label][said] += 1
        if response.status_code in (500, 503):
            self.find("HTTP 500 or 503", f"{label}: {response.status_code} {response.text[:300]}")

    def find(self, what: str, example: str) -> None:
        """Count a finding; print the first few of each kind."""
        self.found[what] += 1
        if self.found[what] <= SHOWN:
            print(f"{what}: {example}", flush=True)


def cases_of(document: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of requests to all interfaces; a third of them break the declarations."""
    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    modes = [GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    digs = [each for each in operations if each.path == "/postTask"]
    operations += digs * MORE_DIGS  # many other requests need a dig before them
    return st.one_of([each.as_strategy(generation_mode=mode) for each in operations for mode in modes])


class Play:
    """Sends cases one after another; a finding does not stop it."""

    def __init__(self, server: Server, seed: int, seconds: float) -> None:
        chance = random.Random(seed)
        self.until = time.monotonic() + seconds
        self.tally = Tally()
        self.cast = Cast(server.http, OPERATOR_TOKEN, chance)
        self.cast.prepare()
        make_older(server)
        self.leaks = Leaks(self.cast)
        self._sender = Sender(self.cast, chance)
        self._session = requests.Session()
        self._address = str(server.http.base_url)

    def send(self, case: Any) -> None:
        """Send a case as somebody, check the reply and learn from it; do nothing once the time is over."""
        if time.monotonic() > self.until:
            return
        body = self._sender.fill(case)
        response = case.call(self._address, session=self._session, timeout=REQUEST_SECONDS, **body)
        self._session.cookies.clear()
        path = case.operation.path
        self.tally.answered(case.operation.label, response)
        addresses = self._sender.may_read_addresses(case)
        for what in self.leaks.in_reply(path, response, self._sender.actor, addresses):
            self.tally.find(f"leak: {what}", case.as_curl_command())
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.tally.find(type(failure).__name__, f"{failure}\n{case.as_curl_command()}")
        self._sender.learn(case, response)


def play(server: Server, asked: argparse.Namespace) -> Tally:
    """Send all requests; return what came of them."""
    it = Play(server, asked.seed, asked.seconds)
    tally = it.tally
    chosen = hypothesis.settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    document = server.http.get("/openapi.json").json()
    ours = {path: each for path, each in document["paths"].items() if not path.startswith("/sandbox/")}
    document["paths"] = ours  # the sandbox would misbehave as the requests tell it
    for path, operations in document["paths"].items():
        tally.answers |= {f"{method.upper()} {path}": Counter() for method in operations}
    send = chosen(hypothesis.given(case=cases_of(strict(document)))(it.send))
    with closing(Listener(server.port, it.cast)) as listener:
        for batch in range(-(-asked.requests // BATCH) * 2):
            if tally.requests >= asked.requests or time.monotonic() > it.until:
                break
            hypothesis.seed(asked.seed * 1_000_000 + batch)(send)()
            print(f"{tally.requests} requests, {tally.found.total()} findings", file=sys.stderr, flush=True)
    for what in it.leaks.in_frames(listener.frames):
        tally.find(f"leak: {what}", "a frame")
    for what in it.leaks.kept_from_all(server, SECRET, listener.frames):
        tally.find(f"leak: {what}", "the log, a reply or a frame")
    print(f"{len(listener.frames)} frames, {server.log.stat().st_size >> 10} KB of log", file=sys.stderr)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", "Do not use the `random` module")  # other threads use it
    began = time.monotonic()
    settings = {"SECRET_KEY": SECRET, "OPS_TOKEN": OPERATOR_TOKEN, "REQUIRE_TOKEN": "1"}
    with running(workers=2, **settings, **PUSH, **MESSAGES, **HOLDS) as server:
        tally = play(server, asked)
    for label, answers in sorted(tally.answers.items()):
        told = ", ".join(f"{said} {count}" for said, count in answers.most_common())
        print(Row(label, answers.total(), "requests", None, told))
    unreached = [label for label, answers in tally.answers.items() if not answers["fine"]]
    rows = [
        Row("interfaces that no request got through to", len(unreached), "", 0, ", ".join(unreached)),
        Row("findings", tally.found.total(), "", 0, ", ".join(tally.found)),
    ]
    print(*rows, sep="\n")
    print(f"{tally.requests} requests in {time.monotonic() - began:.0f} s, seed {asked.seed}")
    return int(any(row.missed for row in rows) or tally.requests < asked.requests)


if __name__ == "__main__":
    sys.exit(main())
