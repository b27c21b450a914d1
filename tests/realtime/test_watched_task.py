"""A watched task's state machine, for any history and any order of news."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from server.game.dig import Dig, ToldDig
from server.game.given_names import given_name
from server.realtime.news import DigNews, News, news_of_dig
from server.realtime.watched_task import WatchedTask
from support.histories import CODE, a_history, a_task, frames_of, loaded, task_after


def comparable(watched: WatchedTask) -> dict[str, Any]:
    (snapshot,) = frames_of(watched.welcome(None, 10**9))
    return {k: v for k, v in snapshot.items() if k not in ("watchers", "time", "is_cd", "server_time")}


histories = st.builds(
    a_history,
    st.lists(st.integers(0, 8), max_size=40),
    st.sets(st.integers(1, 40), max_size=6),
    ends=st.booleans(),
)


@given(histories, st.integers(0, 40))
def test_an_old_snapshot_and_the_frames_after_it_equal_a_fresh_one(digs, at):
    watched = loaded(digs[:at])
    for dig in digs[at:]:
        assert watched.apply(dig)
    assert comparable(watched) == comparable(loaded(digs))


@given(histories, st.integers(0, 40), st.integers(0, 40))
def test_digs_newer_than_the_task_that_was_read_are_taken_too(digs, at, more):
    watched = loaded(digs[:at], later=digs[at : at + more])
    assert comparable(watched) == comparable(loaded(digs[: at + more]))


@given(histories, st.integers(0, 40), st.integers(0, 40))
def test_names_are_taken_anew_only_where_all_digs_that_are_known_were_read(digs, known, read):
    watched = loaded(digs[:known])
    before = loaded(digs[:known])
    renamed = [Dig({**dig, "wxname": "已注销"}) for dig in digs]  # type: ignore[misc]
    taken = watched.rename(task_after(renamed[:read]), renamed[:read], [])
    assert taken == (min(read, len(digs)) >= min(known, len(digs)))
    expected = loaded(renamed[:known]) if taken else before
    assert (watched.first(), watched.winners) == (expected.first(), expected.winners)
    assert watched.replay.after(0) == expected.replay.after(0)
    assert comparable(watched) == comparable(before)
    for dig in renamed[known:]:
        assert watched.apply(dig)


@given(
    dug=st.lists(st.tuples(st.integers(0, 80), st.sampled_from([False, False, True])), max_size=400),
    at=st.integers(0, 400),
)
@settings(max_examples=50)
def test_the_people_on_a_page_follow_from_the_digs(dug, at):
    people = [person for person, _ in dug]
    digs = a_history(people, {depth for depth, (_, won) in enumerate(dug, 1) if won}, ends=False)
    watched = loaded(digs[:at])
    for dig in digs[at:]:
        watched.apply(dig)
    joined = list(dict.fromkeys(f"u{person}" for person in people))
    won = {dig["person_id"] for dig in digs if dig["is_prize"]}
    assert watched.winners.keys() == won
    assert [(row["no"], row["person_id"]) for row in watched.first()] == list(enumerate(joined[:50], 1))
    assert {row["person_id"] for row in watched.first() if row["is_prize"]} == won & set(joined[:50])


@given(histories, st.data())
def test_repeated_news_in_any_order_sends_each_dig_once_and_in_order(digs, data):
    watched = loaded([])
    news = data.draw(st.permutations(digs + digs))
    sent = b"".join(watched.apply(dig) for dig in news)
    while watched.behind:  # read the missing digs, as the hub does when it hears of later digs
        sent += b"".join(watched.apply(dig) for dig in digs if dig["depth"] > watched.seq)
    assert [frame["seq"] for frame in frames_of(sent) if frame["type"] == "cd"] == [d["depth"] for d in digs]
    assert comparable(watched) == comparable(loaded(digs))


@given(histories, st.integers(0, 50))
def test_a_replay_has_the_bytes_of_the_live_frames(digs, since):
    watched = loaded([])
    live = {dig["depth"]: watched.apply(dig) for dig in digs}
    expected = b"".join(frames for depth, frames in live.items() if depth > since)
    welcome = loaded(digs).welcome(since, 10**9)
    assert welcome.startswith(expected)
    assert [frame["type"] for frame in frames_of(welcome[len(expected) :])] == ["snapshot"]


@given(
    histories,
    st.booleans(),
    st.sampled_from([{}, {"rank": 2, "fen": 0, "ranks_left": [0, 1]}, {"layers": 3}]),
)
def test_another_process_hears_all_that_a_digs_frames_hold_in_few_bytes(digs, named, more):
    for dig in digs:
        dig |= more
        if not named:
            dig["wxname"] = given_name(dig["person_id"])
            dig["wxheadpic"] = ""
        told = msgspec.msgpack.encode(news_of_dig(dig))
        news = msgspec.msgpack.decode(told, type=News)
        assert isinstance(news, DigNews)
        assert news.dig(CODE) == {name: dig[name] for name in ToldDig.__annotations__ if name in dig}
        assert len(told) <= 50 + 30 * named + 30 * bool(more)


@given(histories)
def test_no_frame_holds_an_id(digs):
    watched = loaded(digs)
    assert not any(f'"u{k}"' in str(watched.welcome(0, 10**9)) for k in range(9))


def test_more_than_300_missed_digs_give_a_snapshot_alone():
    digs = a_history([k % 7 for k in range(350)], set(), ends=False)
    watched = loaded(digs)
    assert len(frames_of(watched.welcome(49, 0))) == 1
    assert [f["seq"] for f in frames_of(watched.welcome(50, 0)) if f["type"] == "cd"] == list(range(51, 351))


def test_an_end_without_a_dig_is_told_once():
    watched = loaded(a_history([1, 2], set(), ends=False))
    (end,) = frames_of(watched.end("operator", "", 1))
    assert (end["type"], end["seq"], end["end_reason"]) == ("end", 2, "operator")
    assert watched.end("operator", "", 1) == b""
    assert frames_of(watched.welcome(None, 0))[0]["end_reason"] == "operator"


def test_a_start_is_told_once():
    watched = WatchedTask(CODE)
    watched.load(a_task(open=0), [], [], "")
    (start,) = frames_of(watched.start(7, 99))
    assert (start["type"], start["server_time"]) == ("start", 7)
    assert watched.start(8, 99) == b""
