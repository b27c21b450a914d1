"""The log: errors in full, but no ids, queries or tokens."""

import logging
import re
import sys
from collections.abc import Callable

from server.actions.digging.win import record_prize
from server.security.addresses import networks
from server.telemetry import logs
from support.purse import find, rest


async def test_an_error_of_the_store_is_logged_without_the_values_that_were_written(context, log, alice, bob):
    code = await alice.won_packet(bob)
    (dig,) = await find(context, "digs", code=code)
    context.background.spawn(record_prize(context, dig | {"_id": f"{code}:2", "depth": 2}))  # type: ignore[arg-type]
    await rest(context)
    assert "record_prize" in log.getvalue()
    assert "DuplicateKeyError" in log.getvalue()
    assert bob.id not in log.getvalue()


def test_other_errors_are_logged_in_full_and_their_further_lines_are_indented(log):
    try:
        raise ValueError("two\nlines of /getTaskList?unionid=somebody")  # noqa: TRY301
    except ValueError:
        logging.getLogger("wabao").exception("it failed")
    first, *others = log.getvalue().splitlines()
    assert first.endswith("it failed")
    assert others[-1].endswith("lines of /getTaskList?…")
    assert all(line.startswith("    ") for line in others)


def test_a_place_has_one_traceback_a_minute_and_each_event_its_line():
    now = 1000.0
    formatter = logs.OneLine(lambda: now)
    said = list[str]()

    def fail(parse: Callable[[str], object], text: str) -> None:
        try:
            parse(text)
        except ValueError:
            failed = {"msg": "it failed", "exc_info": sys.exc_info()}
            said.extend(formatter.format(logging.makeLogRecord(failed)).splitlines())

    def count(text: str) -> int:
        return "\n".join(said).count(text)

    for _ in range(100):
        fail(int, "x")
    assert (count("it failed"), count("Traceback")) == (100, 1)
    assert re.fullmatch(r"    ValueError at .*test_logs.py:\d+: as within the last minute", said[-1])
    for text in ("x", "10.0.0.1/8"):  # these fail at one line of ours, but at two lines of the library
        fail(networks, text)
    assert count("Traceback") == 2
    now += logs.STACK_SECONDS
    fail(int, "x")
    assert count("Traceback") == 3


def test_no_query_of_a_url_is_logged_however_it_is_spelled(log):
    words = ["/ws?token=secret", "/ws;token=secret", "https://host/a?secret", "?secret", "uri='/?secret'"]
    for word in words:
        logging.getLogger("tornado.general").warning("before %s after", word)
    lines = log.getvalue().splitlines()
    assert len(lines) == len(words)
    assert all("before" in line and line.endswith(" after") for line in lines)
    assert "secret" not in log.getvalue()


def test_no_word_of_a_line_is_longer_than_300_characters(log):
    logging.getLogger("tornado.application").warning("%s and %s", "/" * (64 << 10), "x" * 300)
    (line,) = log.getvalue().splitlines()
    assert line.endswith(f" {'/' * 300}… and {'x' * 300}")


async def test_only_the_part_of_a_path_that_could_be_ours_is_logged(client, log):
    shown = {
        "/getMyInfo?unionid=secret": "/getMyInfo",
        "/files/0123_t.jpg": "/files/0123_t.jpg",
        "/ws;token=secret": "/ws…",
        "/ws%3Ftoken=secret": "/ws…",
        "/ws&token=secret": "/ws…",
        "/" + "a" * 1000: "/" + "a" * 299 + "…",
    }
    logging.getLogger("wabao.access").setLevel(logging.INFO)
    for path in shown:
        await client.http.get(path)
    lines = [line.split(" GET ")[1].split()[0] for line in log.getvalue().splitlines() if " GET " in line]
    assert lines == list(shown.values())
    assert "secret" not in log.getvalue()


def test_a_long_message_is_cut_and_shows_no_control_characters(log):
    logging.getLogger("wabao").warning("\r\x1b[2J\u2028before %s after", "a " * 30_000)
    (line,) = log.getvalue().splitlines()
    assert "before a a" in line
    assert "after" not in line
    assert line.isprintable()
    assert len(line) < 2100


async def test_the_line_of_a_refused_request_has_its_error_and_a_key_for_its_caller(client, log, alice, bob):
    logging.getLogger("wabao.access").setLevel(logging.INFO)
    keys = []
    for who in (bob, bob, alice):
        refused = await who.post("/endTask", code="A" * 12)
        (line,) = [line for line in log.getvalue().splitlines() if refused["trace_id"] in line]
        assert re.search(rf" POST /endTask 200 \S+ ms \w{{16}} {refused['error']} \w{{12}}$", line)
        keys.append(line.split()[-1])
    assert keys[0] == keys[1] != keys[2]
    nobody = (await client.http.get("/getTaskDetails")).json()
    found = re.search(rf" {nobody['trace_id']} {nobody['error']} (\w{{12}})$", log.getvalue(), re.MULTILINE)
    assert found[1] not in keys
    assert (await alice.get("/getMyInfo"))["status"] == 0
    assert re.search(r" GET /getMyInfo 200 \S+ ms \w{16}$", log.getvalue(), re.MULTILINE)
