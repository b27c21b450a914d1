"""The frames of the realtime channel, a class each, and how they become bytes. Pure.

A process encodes each event once: server frames are unmasked, so every watcher can be sent the same bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from server.game.amounts import FEN_PER_YUAN
from server.game.chance import outlook_after
from server.game.dig import ToldDig, seconds_left
from server.game.draw import Rules
from server.game.ranks import GOODS, RED_PACKET
from server.game.review import ReviewShown

# What people may cheer with: there is no text to check.
Sign: TypeAlias = Literal["heart", "fire", "clover", "laugh", "wow", "star"]


class Frame(msgspec.Struct, tag_field="type", kw_only=True):
    """What a client gets: one JSON text frame with `type`.

        class Claim(Frame, tag="claim"):
            code: str
            depth: int

        encode([Claim(code="A1", depth=3)])  # {"type":"claim","code":"A1","depth":3}
    """


class Snapshot(Frame, tag="snapshot"):
    """The task's state: sent after subscribing, after a replay, and after a gap too large to replay.

    `one_in`, `nearest` and `deepest` are an `Outlook`, here and in the frame `Cd`.

    A snapshot plus the frames after it equals a later snapshot, except for watchers, time, is_cd and
    server_time. Times are unix milliseconds; the fields `time` and `cd` are whole seconds.
    """

    code: str
    seq: int
    server_time: int
    is_cd: int
    time: int
    cd: int
    cd_until: int
    now_depth: int
    max_depth: int
    one_in: int
    nearest: int
    deepest: int
    prizes_left: int
    ranks_left: list[int]
    participants: int
    status: int
    end_reason: str
    commitment: str
    watchers: int


class Cd(Frame, tag="cd"):
    """`wxname` made a dig. It brought up `find`, and began a cooldown of `time` seconds, 0 if none."""

    code: str
    seq: int
    now_depth: int
    time: int
    cd_until: int
    server_time: int
    wxname: str
    wxheadpic: str
    find: int
    one_in: int
    nearest: int
    deepest: int


class Tick(Frame, tag="tick"):
    """Sent each second of a cooldown, and with 0 when it is over."""

    code: str
    time: int


class Join(Frame, tag="join"):
    """The dig was this person's first: they are participant `no` now. `layers` is how many layers of finds
    are whole in their book."""

    code: str
    seq: int
    no: int
    wxname: str
    wxheadpic: str
    is_prize: int
    layers: int
    participants: int


class Prize(Frame, tag="prize"):
    """The dig won. `rank` is the prize's place in the details' `ranks`, from 1; 0 if all prizes are alike."""

    code: str
    seq: int
    no: int
    wxname: str
    wxheadpic: str
    prizes_left: int
    ranks_left: list[int]
    money: int
    money_fen: int
    goods_type: int
    rank: int


class Claim(Frame, tag="claim"):
    """The prize at `depth` was claimed, paid, handed over, sent or received: read it anew.

    Only its winner and the task's publisher get it, while they watch. It is never sent again.
    """

    code: str
    depth: int


class Review(Frame, tag="review"):
    """The task was shown, hidden or reviewed, the reason changed, or its publisher edited it: read it again.

    Only its publisher and its winners get it, while they watch. If `edited` is more than the details had,
    texts or picture changed, and all who watch get it. It is never sent again.
    """

    code: str
    review: ReviewShown
    edited: int


class Start(Frame, tag="start"):
    """A red packet was paid: digging is open."""

    code: str
    server_time: int


class End(Frame, tag="end"):
    """The task ended. If no dig ended it, `seq` is the depth reached."""

    code: str
    seq: int
    end_reason: str
    commitment: str


class Watchers(Frame, tag="watchers"):
    """How many people watch, over all processes. Sent when that changes, and when somebody cheers.

    `cheers` counts the cheers of the last second by sign; absent if there were none.
    """

    code: str
    watchers: int
    cheers: dict[Sign, int] | msgspec.UnsetType = msgspec.UNSET


class Service(Frame, tag="service"):
    """The server's state changed. A page that connects while it is not `ok` gets this frame first.

    `ok`: all works. `late`: news may come a second later. `down`: nobody can dig, and pages do not open.
    """

    state: Literal["ok", "late", "down"]


class Error(Frame, tag="error"):
    """What a client asked cannot be done; the socket stays open. `param` names a wrong parameter, if any.

    If a limit is reached, `retry_after` says in how many seconds to try again; else it is 0.
    """

    error: str
    msg: str
    code: str
    param: str = ""
    retry_after: int = 0


class Pong(Frame, tag="pong"):
    """The answer to a client's ping."""

    server_time: int


# What the record of a dig leaves out.
_IF_ABSENT = {"find": 0, "layers": 0, "rank": 0, "ranks_left": []}


def dig_frames(dig: ToldDig, task: Mapping[str, Any], rules: Rules, public_url: str) -> list[Frame]:
    """Return a dig's frames in the order they are sent: cd, join, prize, end.

    They are built from the dig's record and what never changes about its `task`, so that a replay has the
    same bytes as the live frames. `public_url` is put before the paths of our own pictures.
    """
    picture = public_url + dig["wxheadpic"] if dig["wxheadpic"].startswith("/") else dig["wxheadpic"]
    fields = {**_IF_ABSENT, **dig, "seq": dig["depth"], "wxheadpic": picture}
    now = {
        "now_depth": dig["depth"],
        "time": seconds_left(dig["cd_until"], dig["at"]),
        "server_time": dig["at"],
        **msgspec.structs.asdict(outlook_after(rules, dig)),
    }
    frames: list[Frame] = [msgspec.convert({**fields, **now}, Cd)]
    if "n" in dig:
        frames.append(msgspec.convert(fields, Join))
    if dig["is_prize"]:
        fen = dig.get("fen", task["money"] * FEN_PER_YUAN)
        prize = {
            "money": fen // FEN_PER_YUAN,
            "money_fen": fen,
            "goods_type": (RED_PACKET if fen else GOODS) if fields["rank"] else task["goods_type"],
        }
        frames.append(msgspec.convert({**fields, **prize}, Prize))
    if "end" in dig:
        ended = End(code=dig["code"], seq=dig["depth"], end_reason=dig["end"], commitment=task["commitment"])
        frames.append(ended)
    return frames


_encoder = msgspec.json.Encoder()


def encode(frames: Iterable[Frame]) -> bytes:
    """Return the bytes of unmasked websocket text frames (RFC 6455, 5.2), one after the other."""
    return b"".join(text_frame(_encoder.encode(frame)) for frame in frames)


def text_frame(payload: bytes) -> bytes:
    """Return one unfragmented text frame, as a server sends it."""
    length = len(payload)
    if length < 126:
        return b"\x81" + bytes((length,)) + payload
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload
