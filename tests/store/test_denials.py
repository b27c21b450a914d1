"""A wrong password or a missing right ends every command with one line and exit code 2; a quota does not."""

import socket

import httpx
import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from server.errors import BadSettings
from server.running.stores import free_port
from server.store import denials_told, is_unavailable, refused_reason
from support.servers import Running
from support.wire.faulty import FaultyWire, refuse
from support.wire.proxy import Link

UNAUTHORIZED = 'not authorized on wabao to execute command { find: "meta", filter: { _id: "schema" } }'
FORBIDDEN = "user is not allowed to do action [find] on [wabao.meta]"
DENIALS = [
    (18, "Authentication failed.", "18: Authentication failed."),
    (13, UNAUTHORIZED, "13: not authorized on wabao to execute command { find …"),
    (8000, FORBIDDEN, f"8000: {FORBIDDEN}"),
]


@pytest.mark.parametrize(("code", "said", "told"), DENIALS[1:2])
def test_a_denial_ends_a_server_with_one_line(wire, redis_url, tmp_path, code, said, told):
    port = free_port()
    asking = list[socket.socket]()

    def refuse_while_a_request_waits(faulty: FaultyWire, link: Link, request: bytes) -> None:
        if not asking:
            asking.append(socket.create_connection(("127.0.0.1", port), timeout=30))
            asking[0].sendall(b"GET /getTaskList HTTP/1.1\r\nHost: wabao\r\n\r\n")
            # A later connection is answered, so the worker has read this request, too.
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).status_code == 200
        refuse(code, said=said)(faulty, link, request)

    wire.next("find", refuse_while_a_request_waits, times=9)
    server = Running(tmp_path, PORT=str(port), MONGODB_URI=wire.uri("wabao"), REDIS_URL=redis_url)
    assert server.wait() == 2
    assert len(server.said) == 1, server.said
    with asking[0]:
        assert asking[0].recv(100).startswith(b"HTTP/1.1 503 ")
    assert f"MONGODB_URI: MongoDB refuses its user: {told}" in server.said[0]


def failure(code: int, said: str) -> OperationFailure:
    return OperationFailure(said, code, {"ok": 0.0, "code": code, "errmsg": said})


@pytest.mark.parametrize(("code", "said", "told"), DENIALS)
def test_a_denial_is_told_in_a_few_words(code, said, told):
    with pytest.raises(BadSettings) as raised, denials_told():
        raise failure(code, said)
    assert str(raised.value) == f"MONGODB_URI: MongoDB refuses its user: {told}"


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ("you are over your space quota, using 513 MB of 512 MB", True),
        ("cannot create a new collection -- already using 500 collections of 500", True),
        ("CMD_NOT_ALLOWED: mapReduce", False),
        ("bad auth : authentication failed", True),
        ("user is not allowed to do action [find] on [limits.meta]", True),
    ],
)
def test_only_limits_and_denials_among_refusals_of_atlas_count_as_unavailable(said, passes):
    error = failure(8000, said)
    several = BulkWriteError({"writeErrors": [{"code": 8000, "errmsg": said, "index": 0}]})
    assert is_unavailable(error) == is_unavailable(several) == passes


@pytest.mark.parametrize("error", [failure(2, "bad value"), failure(8000, "CMD_NOT_ALLOWED: mapReduce")])
def test_an_error_of_ours_is_no_denial(error):
    with pytest.raises(OperationFailure), denials_told():
        raise error


def test_no_document_is_told():
    taken = 'E11000 duplicate key error collection: a.b index: c dup key: { c: "a secret" }'
    written = {"index": 0, "code": 11000, "errmsg": taken, "op": {"c": "a secret", "d": "another"}}
    for error in (failure(11000, taken), BulkWriteError({"writeErrors": [written]})):
        reason = refused_reason(error)
        assert reason == "11000: E11000 duplicate key error collection: a.b index: c dup key: { c …"
