"""Autobahn's test cases, run against an echo server that uses the class of `/ws`.

    python bench/autobahn.py [--cases '7.*']

Exits with 1 if a case fails or an error is logged. The bench leaves out groups 9 (speed of large messages),
12 and 13 (compression, which /ws does not have).
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter

from kosoku import FailureError, run_fuzzingclient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from handlers.websocket import Socket

LEFT_OUT = ["9.*", "12.*", "13.*"]
MESSAGE_BYTES = 20 << 20


class Echo(Socket):
    """Sends back each message."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=isinstance(message, bytes))


class Errors(logging.Handler):
    """Collects logged errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


async def run(cases: list[str] | None) -> int:
    errors = Errors()
    logging.getLogger().addHandler(errors)
    (listener,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Echo)], websocket_max_message_size=MESSAGE_BYTES))
    server.add_socket(listener)
    try:
        results = await run_fuzzingclient(f"ws://127.0.0.1:{listener.getsockname()[1]}/", cases, LEFT_OUT)
    except FailureError as failure:
        results = failure.results
    server.stop()
    await server.close_all_connections()
    failed = [result for result in results if not result.passed]
    for result in failed:
        print(
            f"{result.case_id}: {result.behavior.value}, close {result.behavior_close.value}: {result.result}"
        )
    for seen in errors.seen:
        print(seen)
    verdicts = Counter(f"{result.behavior.value}" for result in results)
    print(
        f"{len(results)} cases, {len(results) - len(failed)} passed, {len(failed)} failed; behaviour "
        + ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common())
    )
    return int(bool(failed or errors.seen or not results))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument(
        "--cases", action="append", help="a case or a pattern of cases; several may be given"
    )
    sys.exit(asyncio.run(run(arguments.parse_args().cases)))


if __name__ == "__main__":
    main()
