"""Parameters: how they are read, and that bad parameters are refused and change nothing."""

import json
import re
from typing import Any

import msgspec

from handlers.digging.post_task import PublishRequest
from handlers.push import ConnectRequest
from support import SOURCE
from support.client import Someone
from support.interfaces import ALL
from support.replies import refusal_of
from support.stored import everything


async def a_draft(someone: Someone, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a good publication, with these changes."""
    rules = {"prize_num": 2, "forecast_num": 30, "interval": 10, "fluctuation": 3, "cd": 7}
    return await someone.draft(synopsis="会抓老鼠", is_public=0, **rules) | changes


async def test_query_json_form_and_multipart_say_the_same(client, alice):
    draft = await a_draft(alice) | {"unionid": alice.unionid}
    texts = {name: str(value) for name, value in draft.items()}
    headers = {"Authorization": f"Bearer {alice.token}"}
    sent: list[dict[str, Any]] = [
        {"json": draft},
        {"json": texts},
        {"data": texts},
        {"files": {name: (None, value) for name, value in texts.items()}},
        {"params": texts},
        {"content": json.dumps(draft).encode()},  # without a content type, as JSON
        {"content": json.dumps(draft), "headers": {"Content-Type": "text/plain"}},
        {"data": texts, "headers": {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}},
    ]
    replies = [
        (await client.http.post("/postTask", **({**how, "headers": headers | how.get("headers", {})}))).json()
        for how in sent
    ]
    assert [reply["status"] for reply in replies] == [0] * len(sent)
    details = [await alice.get("/getTaskDetails", code=reply["code"]) for reply in replies]
    same = ["goods_type", "name", "synopsis", "prize_num", "forecast_num", "interval", "fluctuation", "cd"]
    for found in details:
        assert [found[name] for name in same] == [draft[name] for name in same]
        assert (found["wxname"], found["draw_type"]) == ("alice", 2)
    assert len((await alice.get("/getMyRelease", page="1"))["data"]) == len(sent)


async def test_an_empty_or_null_parameter_counts_as_absent(settings, alice, bob):
    for nothing in ("", None):
        draft = await a_draft(alice, wxname=nothing, synopsis=nothing, cd=nothing, is_public=nothing)
        code = (await alice.post("/postTask", **draft, code=nothing, money=nothing))["code"]
        details = await bob.get("/getTaskDetails", code=code, is_share="", from_unionid="")
        expected = ("alice", "", settings.cooldown_seconds)
        assert (details["wxname"], details["synopsis"], details["cd"]) == expected
        assert (await bob.dig(code, goods_type=nothing, dig_id=nothing))["status"] == 0
        refused = await alice.post("/postTask", **(draft | {"name": nothing}))
        assert refused["msg"] == "请填写“物品名”，应为 1 到 50 个字"
    assert len((await bob.get("/getTaskList", page=""))["data"]) == 2
    assert [user["no"] for user in (await bob.get("/getTaskUser", code=code, page=1))["data"]] == [1]
    assert (await bob.get("/getTaskUser", code="", page=""))["data"] == []  # page 2 of the last opened task


async def test_parameters_that_do_not_apply_are_ignored(client, alice):
    nonsense = ["abc", -5, 10**30, {"$ne": None}, [], True, "\x00", 1.5]
    unknown = {"seed": "0" * 64, "status": 1, "$where": "1", "": {"": [None]}, "hidden": "\x00"}
    for odd in nonsense:
        goods = await a_draft(alice, prize_num="1", interval=odd, fluctuation=odd, money=odd, **unknown)
        code = (await alice.post("/postTask", **goods))["code"]
        details = await alice.get("/getTaskDetails", code=code, seq="odd", **{"": "odd"})
        numbers = ("money", "interval", "fluctuation", "max_depth", "now_depth")
        assert [details[name] for name in numbers] == [0, 0, 0, 30, 0]
        red_packet = {"goods_type": "1", "name": "红包", "prize_num": 1, "forecast_num": 3, "money": 5}
        reply = await alice.post("/postTask", **red_packet, draw_type=odd)
        assert (reply["need_pay"], reply["owed"]) == (1, 5)
        assert (await alice.get("/getTaskDetails", code=reply["code"]))["draw_type"] == 1
    query = f"unionid={alice.unionid}&odd=%ff%00&odd=%ed%a0%80&%ff=1"
    headers = {"Authorization": f"Bearer {alice.token}"}
    response = await client.http.get(f"/getTaskList?{query}", headers=headers)
    assert response.json()["status"] == 0


TOGETHER = "“服务器的随机数”和“你的随机数”要一起传，或者都不传"
ONE_NAME = "“这次发布的编号”和“服务器的随机数”只能传一个：同一份随机数本来就只会埋下一个宝贝"
ONE_OF_TWO = "请选一个宝贝来挖，或选“埋什么”来发布，只能二选一"
# A number's label, and the least and most that it may be.
NUMBERS = {
    "prize_num": ("奖品数量", 1, 1000),
    "forecast_num": ("预计挖多少锹", 1, 1_000_000),
    "interval": ("每隔多少层一份奖品", 1, 100_000),
}
BAD_DRAFTS: list[tuple[dict[str, Any], str]] = [
    ({"goods_type": 3}, "“埋什么”应为 1 或 2"),
    ({"name": None}, "请填写“物品名”，应为 1 到 50 个字"),
    *(({"name": bad}, "“物品名”应为 1 到 50 个字") for bad in ("猫" * 51, " \t\n", {"$ne": None}, 5)),
    ({"name": "猫\x00"}, "“物品名”应为 1 到 50 个字，不能含有特殊字符"),
    ({"synopsis": "长" * 2001}, "“简介”应为不超过 2000 个字的文字"),
    ({"wxname": "长" * 33}, "“署名”应为 1 到 32 个字"),
    *(
        ({name: bad}, f"“{label}”应为 {least} 到 {most} 的整数")
        for name, (label, least, most) in NUMBERS.items()
        for bad in (least - 1, most + 1, True, 1.5, "1e2", "２", "2_0", [2], "9" * 5000)
    ),
    *(
        ({name: None}, f"请填写“{label}”，应为 {least} 到 {most} 的整数")
        for name, (label, least, most) in NUMBERS.items()
    ),
    ({"fluctuation": None}, "请填写“上下浮动多少层”，应为 0 到 9 的整数"),
    ({"fluctuation": -1}, "“上下浮动多少层”应为 0 以上的整数，小于间隔的层数"),
    ({"fluctuation": 10}, "“上下浮动多少层”应为 0 到 9 的整数，小于间隔的层数"),
    ({"draw_type": None}, "请选择“怎么给”：现场领取或邮寄"),
    ({"draw_type": 0}, "“怎么给”应为 1（现场领取）或 2（邮寄）"),
    ({"is_public": 2}, "“谁能看到”应为 0（只有拿到链接的人）或 1（广场）"),
    *(({"cd": bad}, "“每锹之后冷却几秒”应为 0 到 3600 的整数") for bad in (-1, 3601)),
    ({"url": None}, "请先选一张图片"),
    *(
        ({"url": bad}, "“图片”应为自己在这里上传过的图片")
        for bad in ("https://example.com/cat.jpg", f"/files/{'0' * 32}.jpg", "x" * 501)
    ),
    *(({"value": bad}, "“每份值多少元”应为 1 到 50000 的整数") for bad in (0, 50_001, "1.5")),
    ({"goods_type": 1, "money": None}, "请填写“每个红包多少元”，应为 1 到 200 的整数"),
    ({"goods_type": 1, "money": 0}, "“每个红包多少元”应为 1 以上的整数"),
    ({"goods_type": 1, "money": 201}, "“每个红包多少元”应为 1 到 200 的整数"),
    ({"goods_type": 1, "money": "0.5"}, "“每个红包多少元”应为 1 以上的整数"),
    ({"code": "A" * 12}, ONE_OF_TWO),
    ({"goods_type": None}, ONE_OF_TWO),
    ({"prize_num": 1000, "cd": 3600}, "“每锹之后冷却几秒”最大为 2592，否则 30 天内挖不完"),
    ({"cd": 3600, "forecast_num": 721}, "“预计挖多少锹”最大为 720，否则 30 天内挖不完"),
    ({"cd": 3600, "interval": 700}, "“奖品数量”×（间隔 + 浮动）最大为 720 层，否则 30 天内挖不完"),
    *(
        ({"nonce": bad}, "“你的随机数”应为 16 字节，写成 32 位小写的十六进制")
        for bad in ("0" * 31, "0" * 33, "F" * 32, "０" * 32, "0" * 32 + "\n", {"$gt": ""})
    ),
    *(({"sealed_seed": bad}, "“服务器的随机数”应为从服务器领到的那一份") for bad in ("0" * 99, "z" * 150)),
    ({"nonce": "0" * 32, "sealed_seed": None}, TOGETHER),
    ({"sealed_seed": "0" * 150, "nonce": None}, TOGETHER),
    ({"sealed_seed": "0" * 150, "nonce": "0" * 32, "publish_id": "my-only-cat"}, ONE_NAME),
]


async def test_a_bad_publication_is_refused_and_told_what_is_wrong(client, context, alice):
    draft = await a_draft(alice) | {"unionid": alice.unionid}
    headers = {"Authorization": f"Bearer {alice.token}"}
    await alice.get("/getMyInfo")
    before = await everything(context)
    for changes, msg in BAD_DRAFTS:
        reply = refusal_of(await client.http.post("/postTask", json=draft | changes, headers=headers))
        assert (reply["error"], reply["msg"]) == ("bad_request", msg), changes
        assert reply["param"] == list(changes)[-1], changes
    assert await everything(context) == before


async def test_values_at_the_limits_are_taken(alice):
    draft = await a_draft(alice)
    for changes in (
        {"name": "猫" * 50, "synopsis": "🐈" * 2000, "wxname": "署" * 32},
        {"prize_num": 1000, "interval": 1, "fluctuation": 0, "forecast_num": 1_000_000, "cd": 0},
        {"interval": 100_000, "fluctuation": 99_999, "cd": 0},
        {"cd": 3600, "forecast_num": 720},
        {"prize_num": "0001", "forecast_num": 1.0, "fluctuation": "-0"},
        {"goods_type": 1, "money": 200, "url": None, "draw_type": None},
    ):
        reply = await alice.post("/postTask", **(draft | changes))
        assert reply["status"] == 0, (changes, reply)
        details = await alice.get("/getTaskDetails", code=reply["code"])
        for name in ("name", "synopsis", "wxname"):
            if name in changes:
                assert details[name] == changes[name]


UNIONID = "登录时得到的标识"
CODE = "“宝贝编号”应为 12 位字母或数字"
OF_FRAUD = {"code": "A" * 12, "reason": "fraud"}
BAD_REQUESTS: list[tuple[str, dict[str, Any], str]] = [
    ("GET /getTaskList", {"unionid": ""}, f"请填写“登录身份”，应为{UNIONID}"),
    *(
        ("GET /getTaskList", {"unionid": bad}, f"“登录身份”应为{UNIONID}")
        for bad in ("a b", "o" * 129, "o\n")
    ),
    *(
        (f"GET /{name}", {"page": bad}, f"“页码”应为 1 到 {most} 的整数")
        for most, names in ((1_000_000, ("getTaskList", "getTaskUser")), (500, ("getMyPartake", "getMyDigs")))
        for name in names
        for bad in (0, -1, most + 1, "2 ")
    ),
    *(
        ("GET /getMyRelease", {"after": bad}, "“接着看的位置”应为上一页给出的位置")
        for bad in ("1", "-1-A", "1-", "1-A$", f"{'9' * 16}-A", {"$gt": ""})
    ),
    ("GET /getTaskUser", {"code": "A" * 13}, CODE),
    ("GET /getTaskDetails", {}, "请填写“宝贝编号”，应为 12 位字母或数字，或 31 位的分享码"),
    ("GET /getTaskDetails", {"code": "A" * 12 + "\n"}, f"{CODE}，或 31 位的分享码"),
    ("GET /getTaskDetails", {"code": "A" * 12, "is_share": "yes"}, "“从分享打开”应为 0 或 1"),
    ("GET /getProof", {}, "请填写“宝贝编号”，应为 12 位字母或数字"),
    ("GET /userLogin", {"code": "1", "iv": "1"}, "请填写“加密的用户信息”，应为微信授权得到的内容"),
    (
        "GET /userLogin",
        {"code": "1", "encryptedData": "1"},
        "请填写“用户信息的初始向量”，应为微信授权得到的内容",
    ),
    ("GET /userLogin", {"code": "1" * 129, "iv": "1"}, "“登录凭证”应为微信登录得到的凭证"),
    *(
        ("POST /postTask", {"code": bad}, f"{CODE}，或 31 位的分享码")
        for bad in ({"$ne": None}, ["A" * 12], 123456789012)
    ),
    *(
        ("POST /postTask", {"code": "A" * 12, "dig_id": bad}, "“这一锹的编号”应为 8 到 64 位字母或数字")
        for bad in ("short", {"$gt": ""})
    ),
    ("POST /postTask", {"unionid": {"$ne": None}, "code": "A" * 12}, f"“登录身份”应为{UNIONID}"),
    ("POST /postTask", {}, ONE_OF_TWO),
    ("POST /getSharePic", {"code": "A" * 20}, CODE),
    ("POST /uploadFile", {}, "请选择要上传的图片文件"),
    ("POST /report", OF_FRAUD | {"reason": "boring"}, "“举报的原因”应为六种之一"),
    *(
        ("POST /report", OF_FRAUD | {"text": "长" * long}, "“补充说明”应为不超过 200 个字的文字")
        for long in (201, 2501)
    ),
    ("POST /report", OF_FRAUD | {"code": "x"}, CODE),
    ("POST /setProfile", {}, "请填写“名字”，或选一张“头像”"),
    ("POST /setProfile", {"wxheadpic": "/", "wxname": "名" * 33}, "“名字”应为 1 到 32 个字"),
    ("POST /setProfile", {"wxheadpic": "/", "wxname": "　"}, "“名字”应为 1 到 32 个字"),
    ("POST /setProfile", {"wxheadpic": "/"}, "“头像”应为自己在这里上传过的图片"),
    ("POST /setProfile", {"wxname": "名", "wxheadpic": "http://x/a"}, "“头像”应为自己在这里上传过的图片"),
]


def test_refusals_name_parameters_in_the_words_of_the_forms():
    """No refusal uses the name of a parameter or an interface, since people never see these names."""
    asked = [taken for interface in ALL for taken in interface.takes]
    published = msgspec.json.schema(PublishRequest)["$defs"]["PublishRequest"]["properties"]
    form = (SOURCE / "static" / "app" / "publish.js").read_text(encoding="utf-8")
    words = (SOURCE / "static" / "miniprogram" / "shared" / "words-publish.js").read_text(encoding="utf-8")
    fields = re.search(r"(?s)export const FIELDS = \{(.*?)\};", words)
    assert fields
    labels = dict(re.findall(r'(?:choice|pictureField)\("(\w+)", (?:\{\s+label: )?"([^"]+)"', form))
    labels |= dict(re.findall(r'(\w+): "([^"]+)"', fields[1]))
    assert len(labels) == 20
    for name, label in labels.items():
        assert _asked(published[{"picture": "url"}.get(name, name)])["title"] == label
    for request in [*asked, ConnectRequest]:
        for name, schema in msgspec.json.schema(request)["$defs"][request.__name__]["properties"].items():
            words = _asked(schema)["title"] + _asked(schema).get("description", "")
            assert not re.search("[a-z]{2}", words), (request, name)


def _asked(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter's value; for an optional parameter, without null."""
    first: dict[str, Any] = schema.get("anyOf", [schema])[0]
    return first


async def test_every_interface_says_which_parameter_is_wrong(client, context, alice):
    await alice.get("/getMyInfo")
    before = await everything(context)
    for interface, changes, msg in BAD_REQUESTS:
        method, path = interface.split()
        asked = {"unionid": alice.unionid} | changes
        how = {"params": asked} if method == "GET" else {"json": asked}
        headers = {"Authorization": f"Bearer {alice.token}"}
        reply = refusal_of(await client.http.request(method, path, **how, headers=headers))
        assert (reply["error"], reply["msg"]) == ("bad_request", msg), (interface, changes)
        assert reply["param"]
    assert await everything(context) == before


BROKEN_BODIES: list[tuple[str, bytes]] = [
    ("application/json", b"{"),
    ("application/json", b"null"),
    ("application/json", b'{"unionid": "\xff"}'),
    ("application/json", b'{"unionid": "\\ud800"}'),
    ("application/json", b'{"page": 1e999}'),
    ("application/json", b'{"page": ' + b"9" * 9000 + b"}"),
    ("application/json", b"[" * 10_000),
    ("application/json", b"\xef\xbb\xbf{}"),
    ("application/json", '{"unionid": "o"}'.encode("utf-16")),
    ("application/xml", b"<unionid>o</unionid>"),
    ("multipart/form-data", b"--x\r\n\r\n--x--"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="u\r\n--x--'),
    ("application/x-www-form-urlencoded", b"unionid=%ff%fe&code=AAAAAAAAAAAA"),
]


async def test_a_body_that_cannot_be_read_is_refused_as_a_bad_request(client, context):
    before = await everything(context)
    for path in ("/postTask", "/getSharePic", "/uploadFile"):
        for content_type, body in BROKEN_BODIES:
            sent = {"params": {"unionid": "o"} if path == "/getSharePic" else {}, "content": body}
            response = await client.http.post(path, **sent, headers={"Content-Type": content_type})
            assert refusal_of(response)["error"] == "bad_request", (content_type, body[:40])
    assert await everything(context) == before


async def test_the_last_of_a_repeated_parameter_counts_and_a_body_counts_before_the_query(client, alice):
    headers = {"Authorization": f"Bearer {alice.token}"}
    mine = alice.unionid
    for query, body in (
        (f"?unionid=nobody&unionid={mine}", b'{"code":"AAAAAAAAAAAA"}'),
        ("?unionid=nobody", f'{{"code":"AAAAAAAAAAAA","unionid":"nobody","unionid":"{mine}"}}'.encode()),
    ):
        reply = refusal_of(await client.http.post(f"/postTask{query}", content=body, headers=headers))
        assert reply["error"] == "no_such_task"
    # A GET has no body to read.
    response = await client.http.request("GET", f"/getMyInfo?unionid={mine}", content=b"[", headers=headers)
    assert response.json()["status"] == 0
