"""The sandbox answers as WeChat does, and the real client of WeChat runs against it unchanged."""

import base64
import copy
import json
from typing import ClassVar

import pytest
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

from devtools.sandbox import sandbox_routes
from server.settings import SANDBOX_APPID, Settings
from support.login import a_ticket


async def test_altered_data_makes_nobody_another_person_or_several(client, context, bob):
    found = set()
    for unionid in (bob.unionid, "one", "two"):
        ticket = await a_ticket(client.http, user="mallory", unionid=0)
        code = await context.sandbox.codes.find_code(ticket["code"], 0)
        key, iv = (base64.b64decode(part) for part in (code["session_key"], ticket["iv"]))
        bent = json.dumps({"unionId": unionid, "watermark": {"appid": SANDBOX_APPID}}).encode()
        ciphertext = AES.new(key, AES.MODE_CBC, iv).encrypt(pad(bent, 16))
        ticket["encryptedData"] = base64.b64encode(ciphertext).decode()
        reply = await client.get("/userLogin", **ticket)
        found.add((reply["data"]["unionid"], reply["data"]["openid"]))
    [(unionid, openid)] = found
    assert unionid == f"openid:{openid}"
    assert (await context.store.people.find(bob.id))["openid"] == bob.data["openid"] != openid


async def test_it_exists_neither_with_wechat_configured_nor_in_production(context):
    for configured in [
        Settings(wechat_appid="wx0123456789abcdef", wechat_secret="s"),
        Settings(app_env="production"),
        Settings(app_env="production", wechat_appid="wx0123456789abcdef", wechat_secret="s"),
    ]:
        elsewhere = copy.copy(context)
        elsewhere.settings = configured
        with pytest.raises(RuntimeError):
            sandbox_routes(elsewhere)


class TestWithWeChatConfigured:
    ENVIRONMENT: ClassVar = {"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_SECRET": "s" * 32}

    async def test_a_server_that_starts_makes_no_collection_for_it(self, context):
        made = await context.store.database.list_collection_names()
        assert "digs" in made
        assert [name for name in made if name.startswith("sandbox_")] == []
