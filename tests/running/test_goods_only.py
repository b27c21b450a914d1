"""A server for goods only: nothing of cash is imported, served, or kept."""

from pathlib import Path

import httpx
import pytest

from handlers.glossary import CASH as NAMES_CASH
from server.actions.digging.publish import GOODS_ONLY
from server.errors import BadSettings
from server.running.worker import look_at_data
from server.settings import read_settings
from support.browser import Person
from support.servers import Running

# Served only where red packets are taken.
CASH = ("/payTask", "/payNotify", "/refundNotify", "/transferNotify", "/ops/money", "/ops/paid")
BOOKS = {"orders", "bills", "refunds", "ledger", "ledger_sums", "risks"}
SETTINGS = {"CASH": "0", "WEB_CONCURRENCY": "1", "COOLDOWN_SECONDS": "0"}


@pytest.fixture
def without_cash(tmp_path: Path, own_uri: str, redis_url: str) -> dict[str, str]:
    """Settings for goods only, and an environment whose Pythons cannot import cash."""
    barred = 'import sys\n\nsys.modules["server.cash"] = sys.modules["handlers.cash"] = None\n'
    (tmp_path / "sitecustomize.py").write_text(barred)
    stores = {"MONGODB_URI": own_uri, "REDIS_URL": redis_url}
    return {**SETTINGS, **stores, "PYTHONPATH": str(tmp_path)}


def test_goods_are_buried_dug_and_claimed_without_cash(own_database, tmp_path, without_cash):
    running = Running(tmp_path / "data", **without_cash)
    running.wait_for("goods only: red packets are off, since CASH=0")
    running.wait_for("is ready")
    asking = {path: httpx.post(running.address + path, timeout=20).status_code for path in CASH}
    assert asking == dict.fromkeys(CASH, 404)
    described = httpx.get(f"{running.address}/openapi.json", timeout=20).json()["paths"]
    assert not described.keys() & set(CASH)
    assert "/drawPrize" in described
    alice, bob = (Person.log_in(running.address, user) for user in ("alice", "bob"))
    goods = {"goods_type": 2, "draw_type": 2, "prize_num": 1, "forecast_num": 1, "name": "猫"}
    asked = {"unionid": alice.unionid}
    packet = alice.send("POST", "/postTask", json={**asked, **goods, "goods_type": 1, "money": 2}).json()
    assert (packet["error"], packet["msg"]) == ("bad_request", GOODS_ONLY)
    unknown = alice.send("POST", "/postTask", json={**asked, **goods, "goods_type": 3}).json()
    unheard = alice.send("GET", "/getTaskList", params={**asked, "kind": "x"}).json()
    own = alice.get("/getMyInfo")
    assert own["to_do"] == []
    for said in (packet["msg"], unknown["msg"], unheard["msg"], *own):
        assert said
        assert not NAMES_CASH.search(said), said
    code = alice.publish(**goods)
    alice.get("/getTaskDetails", code=code)
    assert bob.post("/postTask", code=code)["is_prize"] == 1
    where = {"receiver": "小红", "phone": "13800000000", "address": "广东省深圳市高新南一道 1 号"}
    assert bob.claim(code, **where)["state"] == "given"
    statement = alice.get("/getStatement", code=code)
    assert (statement["prizes_given"], statement["held_fen"]) == (1, 0)
    assert own_database.list_collection_names()
    assert not BOOKS & set(own_database.list_collection_names())
    assert running.end() == 0
    assert not [line for line in running.said if "Traceback" in line]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("orders", {"_id": "abcdefghijklX", "code": "abcdefghijkl"}),
        ("tasks", {"_id": "abcdefghijkl", "open": 0, "status": 0, "money": 2, "created_at": 1}),
    ],
)
async def test_red_packets_in_a_database_are_named_and_stay(own_uri, own_database, tmp_path, name, document):
    settings = read_settings({"CASH": "0", "MONGODB_URI": own_uri, "DATA_DIR": str(tmp_path)})
    own_database[name].insert_one(document)
    with pytest.raises(BadSettings, match="red packets, as in treasure abcdefghijkl: set CASH=1"):
        await look_at_data(settings, prepares=True)
    assert own_database.list_collection_names() == [name]
    assert list(own_database[name].find()) == [document]
