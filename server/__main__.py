"""The command line. `python -m server` serves; --help lists the other subcommands."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import importlib
import importlib.util
import itertools
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from server.decoding import decode
from server.errors import BadSettings
from server.game import draw
from server.running.stores import StoreFailed, names_embedded_store, running_store, server_address
from server.settings import Settings, new_secret, read_settings, secrets_of
from server.settings.kept import what_is_wrong
from server.settings.messages import DEMO
from server.telemetry.logs import set_up_logging
from server.telemetry.streams import open_closed_streams

if TYPE_CHECKING:
    from server.actions.rotate import Rotated
    from server.cash.audit import Audit
    from server.context import Sandbox
    from server.security.keys import Keys
    from server.store import Store

FETCH_SECONDS = 30
PROOF_BYTES = 256 << 20
BROKEN_SHOWN = 20
_FORGOTTEN = """\
deleted: the person's record, name, picture, uploads, addresses and sessions
kept without a name: {digs} digs, and what the person won and published
kept for the ledger: numbers and amounts of payments, bills and refunds; WeChat keeps its own record
kept with the tasks: their texts and pictures
a page that is open shows the name until it is opened again"""


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand. Return its exit code: 0 if it succeeded, 1 if it failed, 2 if it could not begin."""
    open_closed_streams()
    parsed = _parser().parse_args(arguments)
    try:
        code = parsed.run(parsed)
    except BadSettings as error:
        return _complain(str(error), 2)
    except StoreFailed as error:
        return _complain(str(error), 1)
    except OSError as error:
        if not (line := what_is_wrong(error)):
            raise
        # The server read its files before it started a worker, so here a fault of the disk began, which may
        # end: 2 would end the server.
        return _complain(line, 1 if parsed.run is _work else 2)
    return int(code)


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line. What --help says of a subcommand is its function's docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Wabao: people publish treasures, others race to dig for them. "
        "Without a subcommand it serves; settings come from the environment (docs/deploying.md, Settings).",
    )
    parser.set_defaults(run=_serve)
    parser.add_argument("--demo", action="store_true", help="with a crowd of invented people in the square")
    commands = parser.add_subparsers(title="subcommands", metavar="")

    def command(name: str, run: Callable[[argparse.Namespace], int], does: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=does, description=run.__doc__)
        made.set_defaults(run=run)
        return made

    worker = command("worker", _work, "one serving process, started by the server")
    worker.add_argument("--listener", type=int, required=True, help="descriptor of the listening socket")
    worker.add_argument("--heartbeats", type=int, required=True, help="descriptor of the pipe for heartbeats")
    worker.add_argument("--ended", default="{}", help="how workers ended that are not counted yet, as JSON")
    worker.add_argument("--lost", default="[]", help="when workers ended unasked, unix seconds, as JSON")
    worker.add_argument("--database", default="", help="the identity of the database, if it is known")
    worker.add_argument("--prepare", action="store_true", help="prepare the database, which is embedded")
    release = command("release", _release, "prepare MONGODB_URI, before a new version serves")
    release.add_argument("--unchecked", action="store_true", help="do not check the stores first")
    command("check", _check, "check whether MONGODB_URI and REDIS_URL can carry this server")
    command("secret", _secret, "print a new random secret, for SECRET_KEY, OPS_TOKEN and the like")
    verify = command("verify", _verify, "check an ended task's proof against its commitment")
    verify.add_argument("proof", metavar="FILE-OR-URL", help="a proof, as a file or the URL of /getProof")
    verify.add_argument(
        "--commitment", metavar="HEX", help="the commitment that was shown while the task was running"
    )
    verify.add_argument("--seed-hash", metavar="HEX", help="what the publisher got from /commitment")
    verify.add_argument("--nonce", metavar="HEX", help="what the publisher sent to publish")
    crowd = command("crowd", _crowd, "let invented people publish and dig on a running server with a sandbox")
    crowd.add_argument("--people", type=_at_least(2), default=30, metavar="N", help="how many people (30)")
    crowd.add_argument("--tasks", type=_at_least(1), default=4, metavar="N", help="tasks at a time (4)")
    crowd.add_argument("--url", help="the server (the one at PORT, else the one that runs in DATA_DIR)")
    crowd.add_argument("--seconds", type=_at_least(1), metavar="S", help="how long (until Ctrl-C or SIGTERM)")
    auditing = command("audit", _audit, "check that every fen is where it should be")
    auditing.add_argument("--remote", action="store_true", help="also compare with WeChat's answers")
    command("rotate", _rotate, "seal stored secrets anew under the first of SECRET_KEYS")
    forgetting = command("forget", _forget, "forget a person who asks for it")
    forgetting.add_argument("unionid", metavar="UNIONID", help="as userLogin returned it")
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be {least} or more")
        return int(text)

    return whole_number


def _complain(problem: str, code: int) -> int:
    print(problem, file=sys.stderr)
    return code


def _serve(parsed: argparse.Namespace) -> int:
    from server.running.supervisor import Supervisor

    set_up_logging()
    if parsed.demo:  # whoever tries it sees messages, too; its workers inherit the environment
        for name, template in DEMO.items():
            os.environ.setdefault(name, template)
    settings = read_settings(os.environ)
    if settings.sandboxed:
        _require_devtools()
    return asyncio.run(Supervisor(settings, demo=parsed.demo).run())


def _require_devtools() -> None:
    if importlib.util.find_spec("devtools") is None:
        raise BadSettings(
            "devtools/ is not installed: a crowd needs it, and so does a server without WECHAT_APPID"
        )


def _devtools(tool: str) -> Any:
    """Return a module of `devtools/`. The server imports such modules only here. Raises BadSettings if
    `devtools/` is not installed."""
    _require_devtools()
    return importlib.import_module(f"devtools.{tool}")


def _sandbox(settings: Settings) -> Callable[[Store], Sandbox] | None:
    """Return what opens the sandbox that plays WeChat; None if WeChat is configured."""
    return _devtools("sandbox").Sandbox if settings.sandboxed else None


def _work(parsed: argparse.Namespace) -> int:
    faulthandler.enable()  # a hung worker is ended by SIGABRT, and this prints where it hung
    from server.running.watchdog import Heart
    from server.running.worker import serve
    from server.store import denials_told

    set_up_logging()
    listener = socket.socket(fileno=parsed.listener)
    heart = Heart(parsed.heartbeats)
    settings = read_settings(os.environ)
    counts = decode(parsed.ended, dict[str, int])
    lost = decode(parsed.lost, list[float])
    with denials_told():
        asyncio.run(
            serve(
                settings, listener, heart, counts, lost, parsed.database, _sandbox(settings),
                prepares=parsed.prepare,
            )
        )
    return 0


def _release(parsed: argparse.Namespace) -> int:
    """Check the stores, build missing indexes and note the version of the data, while servers run; may be cut
    off and run again. Exits with 0 when it is done, 1 when the check found something, 2 when it could not
    begin.
    """
    from server.actions.command_line import logged
    from server.store.schema import is_noted, prepare

    settings = read_settings(os.environ)
    _refuse_embedded(settings, "release")

    async def work(store: Store) -> int:
        if not parsed.unchecked and await _checked(settings, store, builds=True):
            return _complain("nothing was released: see what FAILED above, or use --unchecked", 1)
        # A log entry would make a new database look used, so for a new one the entry is written afterwards.
        new = not await is_noted(store.database)
        async with nullcontext() if new else logged(store, "release"):
            await prepare(store.database, store.indexes(), _tell)
        if new:
            async with logged(store, "release"):
                pass
        _tell("the database is ready")
        return 0

    return _on_store(work, settings, limited=False)


def _check(_: argparse.Namespace) -> int:
    """Look at MongoDB's version, members, clocks, rights and indexes, and at Redis's limits. Prints a table.
    Exits with 0 when nothing in it FAILED, 1 when something did, 2 when it could not begin.
    """
    settings = read_settings(os.environ)
    _refuse_embedded(settings, "check")
    return _on_store(lambda store: _checked(settings, store), settings)


def _secret(_: argparse.Namespace) -> int:
    """Print a random secret of 43 letters, digits, - and _ (256 bits). It is kept nowhere."""
    _tell(new_secret())
    return 0


def _refuse_embedded(settings: Settings, command: str) -> None:
    """Raise BadSettings without a MONGODB_URI: a server prepares its embedded store itself."""
    if names_embedded_store(settings):
        raise BadSettings(f"{command} needs the MONGODB_URI of a MongoDB, not of a server's embedded store")


async def _checked(settings: Settings, store: Store, *, builds: bool = False) -> int:
    """Print the table of a check; return 1 if something in it failed."""
    from server.check import check

    failed = 0
    async for row in check(settings, store, builds=builds):
        _tell(str(row))
        failed += row.verdict == "FAILED"
    return 1 if failed else 0


def _tell(line: str) -> None:
    print(line, flush=True)


def _audit(parsed: argparse.Namespace) -> int:
    """Recompute the ledger from orders, bills and refunds. Print each difference, and each payment that waits
    for the operator. Exits with 0 if nothing differs, 1 if something does, 2 if it could not begin.
    """
    from server.cash.audit import audit
    from server.cash.context import pay_of
    from server.clock import Clock

    settings = read_settings(os.environ)

    async def read(store: Store) -> int:
        pay = None
        try:
            if parsed.remote:
                sandbox = _sandbox(settings)
                pay = await pay_of(settings, sandbox(store) if sandbox else None, Clock().now_ms)
            return _show(await audit(store, pay))
        finally:
            if pay is not None:
                await pay.aclose()

    return _on_store(read, settings)


def _show(found: Audit) -> int:
    from server.operation.findings import line_of

    print(*map(line_of, found.waiting + found.differences), found.summary, sep="\n")
    return 1 if found.differences else 0


def _on_store(
    work: Callable[[Store], Coroutine[Any, Any, int]], settings: Settings, *, limited: bool = True
) -> int:
    """Run `work` on MONGODB_URI, or on the store of the server running in DATA_DIR; return its exit code.

    Raises BadSettings for data of another version.

    `limited` is false for work whose operations may take longer than the usual 5 s.
    """
    from server.store import Store, denials_told, is_unavailable, said_by
    from server.store.schema import is_noted

    uri = settings.mongodb_uri or running_store(settings)

    async def connected() -> int:
        store = Store(uri, limited=limited, cash=bool(settings.cash))
        try:
            await store.reach()
            await is_noted(store.database)
            return await work(store)
        finally:
            await store.close()

    try:
        with denials_told():
            return asyncio.run(connected())
    except Exception as error:
        if not is_unavailable(error):
            raise
        return _complain(f"MongoDB does not answer: {said_by(error)}", 2)


def _rotate(_: argparse.Namespace) -> int:
    """Seal seeds, addresses and access tokens anew under the first secret. Servers may run meanwhile; they
    must have the same first secret. May be interrupted and run again. Exits with 0 if stored data needs no
    other secret, 1 if it still does, 2 if it could not begin.
    """
    from server.actions.command_line import logged
    from server.actions.rotate import CannotRotate, rotate
    from server.security.keys import Keys

    settings = read_settings(os.environ)
    keys = Keys(*secrets_of(settings))

    async def work(store: Store) -> int:
        async with logged(store, "rotate", keys.fingerprint) as run:
            try:
                done = await rotate(store, keys)
            except CannotRotate as error:
                run.outcome = "refused"
                return _complain(str(error), 2)
            for rotated in done:
                _show_rotated(rotated, keys)
            if any(rotated.left for rotated in done):
                run.outcome = "left"
                return 1
        _tell(f"all of it is sealed under {keys.fingerprint}; other secrets are needed for tokens alone")
        return 0

    return _on_store(work, settings)


def _show_rotated(rotated: Rotated, keys: Keys) -> None:
    """Say how many values of one kind were sealed anew, from which secret to which, and how many were not."""
    for each, number in rotated.sealed.items():
        _tell(f"{rotated.purpose}: {number} sealed anew, from {each} to {keys.fingerprint}")
    if not rotated.sealed:
        _tell(f"{rotated.purpose}: 0 sealed anew")
    for each, number in rotated.left.items():
        why = "they changed meanwhile or are broken" if each in keys.fingerprints else "SECRET_KEYS lacks it"
        _tell(f"{rotated.purpose}: {number} left under {each}: {why}")
    for key in rotated.broken[:BROKEN_SHOWN]:
        _tell(f"{rotated.purpose}: {key} does not open, though its secret is here")


def _forget(parsed: argparse.Namespace) -> int:
    """Delete a person's record, name and picture, delete their addresses and uploads, and end their sessions.
    May be interrupted and run again. Exits with 0 when done, 1 if it must wait for something, 2 if it could
    not begin.
    """
    from server.actions.command_line import logged
    from server.actions.people.erase import CannotErase, erase

    async def work(store: Store) -> int:
        person_id = (await store.people.ids_of([parsed.unionid])).get(parsed.unionid, "")
        async with logged(store, "forget", f"person:{person_id}") as run:
            try:
                digs = await erase(store, person_id)
            except CannotErase as error:
                run.outcome = "refused"
                return _complain(str(error), 1)
        print(_FORGOTTEN.format(digs=digs))
        return 0

    return _on_store(work, read_settings(os.environ))


def _verify(parsed: argparse.Namespace) -> int:
    """Recompute an ended task's draw from its proof, the reply of /getProof. Exits with 0 if the proof holds,
    1 if something differs, 2 if it cannot be read.
    """
    import httpx  # the import takes 9 MB that the supervisor can do without

    try:
        proof = _read_proof(parsed.proof)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        return _complain(f"{parsed.proof} cannot be read: {error or type(error).__name__}", 2)
    except ValueError as error:
        return _complain(f"{parsed.proof} is not a proof: {error}", 2)
    found = draw.differences(proof, parsed.commitment, seed_hash=parsed.seed_hash, nonce=parsed.nonce)
    for difference in found:
        print(difference)
    if found:
        return 1
    rules = draw.read_rules(proof.params)
    against = "the commitment given" if parsed.commitment else "itself alone: no --commitment was given"
    print(f"all of it holds, compared with {against}")
    print(f"task {rules.code}, depths that win: {', '.join(map(str, proof.winning_depths))}")
    if rules.ranks:
        print(f"their ranks: {', '.join(map(str, proof.winning_ranks))}")
        print(f"what they pay, in fen: {', '.join(map(str, proof.winning_fen))}")
    print(
        f"drawn together: the server's seed, and the publisher's nonce {rules.nonce}"
        if rules.version == 2
        else "drawn by the server alone: the publisher sent no nonce"
    )
    print(f"digs: {len(proof.digs)}, wins: {sum(dig.is_prize for dig in proof.digs)}")
    return 0


def _crowd(parsed: argparse.Namespace) -> int:
    """Log people in through a running server's sandbox and let them publish, watch and dig at human pace.
    With an operator's token in CROWD_OPERATOR it also digs private tasks that somebody watches. Prints a
    table at the end; exits with 1 if the server's frames broke a promise.
    """
    crowds = _devtools("crowd")
    url = parsed.url or server_address(read_settings(os.environ), port_is_set=bool(os.environ.get("PORT")))
    try:
        operator = os.environ.get("CROWD_OPERATOR", "")
        asked = crowds.Options(url, parsed.people, parsed.tasks, parsed.seconds, operator)
        return int(asyncio.run(crowds.crowd(asked)))
    except crowds.NoCrowd as error:
        return _complain(str(error), 2)


class _Envelope(msgspec.Struct):
    """The fields that every reply begins with; the others are not decoded."""

    status: int = 0
    error: str = ""
    msg: str = ""


def _read_proof(source: str) -> draw.Proof:
    """Read a proof from a file, or page by page from an http(s) URL.

    Raises ValueError if a reply is a refusal, or if the replies together exceed PROOF_BYTES.
    """
    if not source.startswith(("http://", "https://")):
        return _decode_proof(Path(source).read_bytes())
    pages = _fetch_pages(source)
    proof = next(pages)
    while len(proof.digs) < proof.dug and (digs := next(pages).digs):
        proof.digs.extend(digs)
    return proof


def _fetch_pages(url: str) -> Iterator[draw.Proof]:
    import httpx

    left_bytes = PROOF_BYTES
    with httpx.Client(timeout=FETCH_SECONDS, follow_redirects=True) as client:
        for number in itertools.count(1):
            text = bytearray()
            with client.stream("GET", httpx.URL(url).copy_set_param("page", number)) as reply:
                for piece in reply.iter_bytes():
                    text += piece
                    left_bytes -= len(piece)
                    if left_bytes < 0:
                        raise ValueError(f"it has more than {PROOF_BYTES >> 20} MB")
            yield _decode_proof(bytes(text))


def _decode_proof(text: bytes) -> draw.Proof:
    envelope = decode(text, _Envelope)
    if envelope.status == 1:
        raise ValueError(f"the reply is a refusal, {envelope.error}: {envelope.msg}")
    return decode(text, draw.Proof)


if __name__ == "__main__":
    sys.exit(main())
