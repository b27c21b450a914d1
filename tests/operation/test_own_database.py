"""How a process finds out that the database is not its own, and what it then answers."""

from server.context import Context
from server.operation import own_database
from server.operation.own_database import OwnDatabase
from server.security.keys import Keys

OTHER = Keys(b"a secret of another server, 32 characters")


async def give_identity(context: Context, identity: str) -> None:
    """Give the database another identity from now on."""
    await context.store.meta.rows.update_one({"_id": "database"}, {"$set": {"identity": identity}})


async def test_an_emptied_database_is_not_served_from_until_it_is_back(client, context, open_page, alice):
    code = await alice.publish()
    assert await context.database.answers()
    about = await context.store.meta.find()
    await context.store.meta.rows.delete_one({"_id": "database"})
    assert not await context.database.answers()
    for path in ("/getTaskList", "/getTaskDetails", "/sandbox/pay/v3/certificates", "/nowhere"):
        assert (await client.http.get(path, params={"code": code})).json()["error"] == "unavailable", path
    assert (await alice.dig(code))["error"] == "unavailable"
    met = await open_page(alice)
    assert (await met.until("service"))["state"] == "down"
    await met.closed()
    ready = await client.http.get("/readyz")
    assert (ready.status_code, ready.json()["silent"]) == (503, ["mongodb"])
    assert "被清空了" in ready.json()["msg"]
    for path in ("/healthz", "/", "/ops", "/openapi.json", "/metrics"):
        assert (await client.http.get(path)).status_code == 200, path
    assert about is not None
    await context.store.meta.rows.insert_one(dict(about))
    assert await context.database.answers()
    assert (await client.http.get("/readyz")).status_code == 200
    assert (await alice.dig(code))["error"] == "own_task"


async def test_an_unknown_task_is_unavailable_if_the_database_is_another_one(context, open_page, alice):
    page = await open_page(alice)
    assert await context.database.answers()
    assert (await alice.dig("A" * 12))["error"] == "no_such_task"
    await give_identity(context, "another")
    assert (await alice.dig("A" * 12))["error"] == "unavailable"
    context.database.wrong = None  # forgets this, so that next a page is the first to notice it
    await page.ask(action="subscribe", code="A" * 12)
    assert (await page.until("error"))["error"] == "unavailable"


async def test_each_look_tells_the_clock_mongodbs_time(context):
    seen: list[int] = []
    before_ms = await context.store.now_ms()
    assert await OwnDatabase(context.store, context.keys, "", seen.append).answers()
    (seen_ms,) = seen
    assert before_ms <= seen_ms <= await context.store.now_ms()


async def test_a_process_that_lacks_a_secret_under_which_another_seals_is_not_ready(client, context):
    assert await context.database.answers()
    await context.store.meta.note_sealing(context.database.identity, OTHER.fingerprint)
    ready = await client.http.get("/readyz")
    assert ready.status_code == 503
    assert f"SECRET_KEYS 缺少指纹为 {OTHER.fingerprint} 的密钥" in ready.json()["msg"]
    assert (await client.http.get("/getTaskList")).json()["error"] == "unavailable"


async def test_a_start_finds_what_is_sealed_under_a_secret_that_no_server_has_noted(context):
    sealed = OTHER.seal("address", b"plain", "prize")
    await context.store.database["prizes"].insert_one({"_id": "prize", "address_box": sealed})
    database = OwnDatabase(context.store, context.keys)
    await database.look_through()
    assert database.wrong == own_database.Wrong("keys", (OTHER.fingerprint,))


async def test_nothing_is_done_by_itself_and_nothing_noted_in_a_database_that_is_not_ours(context):
    done = []

    async def work() -> None:
        done.append(1)

    turn = context.database.while_ours(work)
    assert await context.database.answers()
    await turn()
    await give_identity(context, "another")
    assert not await context.database.answers()
    await turn()
    await context.store.meta.note_sealing(context.database.identity, context.keys.fingerprint)
    about = await context.store.meta.find()
    assert about is not None
    assert (len(done), about["keys"]) == (1, {})
