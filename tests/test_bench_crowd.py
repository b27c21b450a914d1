"""The crowd of the benches (`bench/parts/watchers.py`), without a server."""

from typing import Any

from bench.parts.watchers import Watchers


def test_replies_that_have_come_together_are_counted_one_by_one():
    def reply(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nServer: Wabao\r\n\r\n%b" % (len(body), body)

    nothing: Any = None
    crowd = Watchers(nothing)
    crowd._take_replies(reply(b'{"status":1,"error":"cooling_down"}') + reply(b'{"status":0}'))
    assert crowd.replies == {"cooling_down": 1, "dug": 1}
