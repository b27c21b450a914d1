"""The screen's words: each text that is asked for is there, in Chinese and in English."""

import json
import re
from typing import get_args

from handlers.websocket import NO_CLOSE_FRAME, OUR_CODES, REGISTERED
from server.actions.command_line import Outcome
from server.cash.context import CashContext
from server.cash.pay.client import ADDRESS_REFUSED, DAY_REFUSED
from server.cash.rules.refund import RefundKind
from server.cash.store.bills import BillState
from server.cash.store.orders import OrderState
from server.cash.store.refunds import RefundState
from server.errors import REFUSALS
from server.game.findings import NOT_REPORTED, SHIPPING_REFUSED, InvariantWhat, LedgerWhat
from server.game.prize import PrizeState, Why
from server.game.review import IN_REVIEW, review
from server.operation.alarms import Kind, titles_of
from server.operation.findings import SENTENCES
from server.realtime.bus import Fault
from server.settings.limits import BOUNDS
from server.settings.messages import MessageKind
from server.store.messages.messages import MessageEnd, MessageState
from server.store.prizes.freezes import What as Frozen
from server.store.reviews.reports import ReportReason
from support import SOURCE
from support.lifecycles import MONEY, TABLES
from support.rows import examples

OPS = SOURCE / "static" / "ops"
# What the screen says of a task's record and ledger.
SAID = {*get_args(InvariantWhat), *get_args(LedgerWhat)}
WORD = re.compile(r'^  (\w+): \[("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\],$')


def words() -> dict[str, tuple[str, str]]:
    """Return the screen's texts by key, in Chinese and in English."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((OPS / "words").glob("*.js"))]
    lines = [line for text in texts for line in text.partition(" = {\n")[2].partition("\n};")[0].split("\n")]
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        if line and not line.startswith("  //"):
            word = WORD.match(line)
            assert word is not None, line
            assert word[1] not in found, line
            found[word[1]] = (json.loads(word[2]), json.loads(word[3]))
    return found


def test_every_text_of_the_screen_is_in_chinese_and_in_english():
    for key, (chinese, english) in words().items():
        assert chinese, key
        assert english, key
        assert not re.search("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", english), key
        # Texts of errors may differ: one language shows the server's message, the other a text of its own.
        if not key.startswith("error_") and key != "confirm":
            holes = [sorted(set(re.findall(r"\{\d\}", text))) for text in (chinese, english)]
            assert holes[0] == holes[1], key


KINDS = {"opening": "task", "ending": "task"}
MOVES = (
    {
        f"{KINDS.get(table.name, table.name)}_{move.name}"
        for table in TABLES
        for move in examples(table)
        if move.by
    }
    | {f"{kind}_made" for kind in ("task", *(table.name for table in (*MONEY, review)))}
    | {"task_hidden_by_reports"}
)


def test_every_text_that_the_screen_asks_for_is_there():
    known = set(words())
    log = (OPS / "log.js").read_text(encoding="utf-8").partition("const ACTS = [")[2].partition("\n];")[0]
    asked = {f"act_{act}" for act in re.findall(r'"(\w+)"', log)}
    families: dict[str, set[str]] = {
        "refusal": set(REFUSALS),
        "close": {str(code) for code in REGISTERED | OUR_CODES | {NO_CLOSE_FRAME}} | {"other"},
        "report": set(get_args(ReportReason)),
        "limit": BOUNDS.keys() | {"operators"},
        "alarm": set(get_args(Kind)),
        "redis": set(get_args(Fault)) - {""},
        "said": SAID,
        "value": set(get_args(PrizeState)),
        "prize": set(get_args(PrizeState)),
        "state": {*get_args(BillState), *get_args(OrderState), *get_args(RefundState)},
        "pay": {"order", "bill", *(f"refund_{kind}" for kind in get_args(RefundKind))},
        "run": set(get_args(Outcome)) - {"done"},
        "why": set(get_args(Why)),
        "frozen": set(get_args(Frozen)),
        "event": {"opened", "opens", "joined", "message", "first_login", "leaves", "reported"} | MOVES,
        "event_state": {*IN_REVIEW},
        "told": set(get_args(MessageKind)),
        "told_state": {*get_args(get_args(MessageState)[0]), *get_args(MessageEnd)},
        "waits": {"UNKNOWN", "CONTRADICTION", "NOT_FOUND", "NOT_ENOUGH", "ACCEPTED", "PROCESSING", "ABNORMAL"}
        | {"OVERDUE", "CLOSED", ADDRESS_REFUSED, DAY_REFUSED, NOT_REPORTED, SHIPPING_REFUSED},
    }
    for path in OPS.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'\bt\(\s*"(\w+)"', text))
        made = re.findall(r"\bt\(\s*`(\w+?)_\$", text) + re.findall(r'\bnamed\("(\w+)"', text)
        for kind in set(made) - set(families):  # of these only the page itself has a list
            assert any(word.startswith(f"{kind}_") for word in known), (path.name, kind)
    assert asked - known == set()
    wanted = {f"{kind}_{name}" for kind, names in families.items() for name in names}
    assert wanted - known == set()


def test_every_sentence_has_a_place_for_each_of_its_values():
    for what, sentence in SENTENCES.items():
        if what not in SAID:  # only the command line says it
            continue
        assert len(set(re.findall(r"\{\d\}", words()[f"said_{what}"][0]))) == sentence.count("{}"), what


def test_an_alarm_has_the_same_title_on_the_screen_and_to_the_webhook():
    shown = words()
    titles = titles_of(CashContext.ALARMS)
    assert {kind: shown[f"alarm_{kind}"][0] for kind in titles} == titles
