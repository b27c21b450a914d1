"""The interfaces' description: valid, complete, and true of what the server replies."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from tornado.web import Application

import handlers
from handlers.base import Interface
from handlers.ops.screen import OPS_INTERFACES
from server.app import INTERFACES
from server.errors import REFUSALS, Refusal
from support.client import Client, a_picture


def descendants(kind: type[Any]) -> set[type[Any]]:
    """Return the classes that derive from this one, directly or not."""
    return {each for child in kind.__subclasses__() for each in {child, *descendants(child)}}


def validator_of(document: dict[str, Any], path: str, kind: str = "responses") -> Draft202012Validator:
    """Return a validator of a path's replies; with `kind` "requestBody", of its bodies."""
    [operation] = document["paths"][path].values()
    content = operation["responses"]["200"] if kind == "responses" else operation["requestBody"]
    schema = content["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def undescribed(document: dict[str, Any], path: str, reply: dict[str, Any]) -> set[str]:
    """Return the fields of a reply that the nearest described shape lacks."""
    [operation] = document["paths"][path].values()
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    shapes = [part["$ref"].rpartition("/")[2] for part in schema["anyOf"]]
    known = [document["components"]["schemas"][shape]["properties"].keys() for shape in shapes]
    return min((reply.keys() - names for names in known), key=len)


@pytest.mark.gen_test
async def test_the_description_is_valid_and_complete(client: Client, app: Application) -> None:
    document = await client.http.get("/openapi.json")
    assert document.headers["Content-Type"].startswith("application/json")
    described = document.json()
    OpenAPIV31SpecValidator(described).validate()
    routed = {
        (rule.matcher.regex.pattern.rstrip("$"), rule.target.method.lower())
        for rule in app.default_router.rules + app.wildcard_router.rules
        if isinstance(rule.target, type) and issubclass(rule.target, Interface)
    }
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == routed
    for module in pkgutil.iter_modules(handlers.__path__):
        importlib.import_module(f"handlers.{module.name}")
    everything = [*INTERFACES, *OPS_INTERFACES]
    declared = {kind for kind in descendants(Interface) if "path" in vars(kind)}
    assert declared == set(everything)
    structs = {struct for each in everything for struct in (*each.takes, *each.gives)}
    assert {struct.__name__ for struct in structs} <= described["components"]["schemas"].keys()
    assert len({struct.__name__ for struct in structs}) == len(structs)
    for error in REFUSALS:
        assert f"`{error}`" in described["info"]["description"]
    for interface in everything:
        operation = described["paths"][interface.path][interface.method.lower()]
        assert operation["summary"]
        assert ({} in operation["security"]) != (interface.needs_token or interface.needs_operator)


@pytest.mark.gen_test
async def test_parameters_are_described_as_they_are_checked(client: Client) -> None:
    document = (await client.http.get("/openapi.json")).json()
    asked = {
        parameter["name"]: parameter
        for parameter in document["paths"]["/getTaskDetails"]["get"]["parameters"]
    }
    assert [name for name, parameter in asked.items() if parameter["required"]] == ["unionid", "code"]
    assert asked["code"]["schema"]["pattern"] == "^[0-9A-Za-z]{12}(?:[0-9A-Za-z]{8})?$"
    assert asked["code"]["schema"]["description"] == "宝贝编号（12 位）或分享码（20 位）"
    uploads = document["paths"]["/uploadFile"]["post"]["requestBody"]["content"]
    assert uploads.keys() == {"multipart/form-data"}
    sent = validator_of(document, "/postTask", "requestBody")
    draft = {
        "unionid": "o",
        "goods_type": 2,
        "name": "猫",
        "prize_num": 1,
        "forecast_num": 5,
        "url": "/files/x.jpg",
        "draw_type": 2,
    }
    assert sent.is_valid(draft)
    assert sent.is_valid({"unionid": "o", "code": "A" * 12})
    for bad in ({"prize_num": 0}, {"name": " "}, {"cd": 3601}, {"unionid": "a b"}, {"is_public": None}):
        assert not sent.is_valid(draft | bad), bad


@pytest.mark.gen_test
async def test_each_status_that_may_be_sent_is_described_and_no_other(client: Client) -> None:
    document = (await client.http.get("/openapi.json")).json()
    failing = {str(refusal.http_status) for refusal in descendants(Refusal)} | {"200", "400", "405"}
    for interface in (*INTERFACES, *OPS_INTERFACES):
        operation = document["paths"][interface.path][interface.method.lower()]
        assert operation["responses"].keys() == failing | ({"304"} if interface.gives_etag else set())
    assert (await client.http.delete("/getTaskList")).status_code == 405
    reader, writer = await asyncio.open_connection(client.http.base_url.host, client.http.base_url.port)
    writer.write(b"GET /getTaskList HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
    try:
        assert await reader.read() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    finally:
        writer.close()
        await writer.wait_closed()
    without_body = [
        name for name, each in document["components"]["responses"].items() if "content" not in each
    ]
    assert without_body == ["400"]


@pytest.mark.gen_test
async def test_replies_are_as_described(client: Client) -> None:
    alice, bob = await client.log_in_all("alice", "bob")
    document = (await client.http.get("/openapi.json")).json()
    url = await alice.upload(a_picture())
    code = await alice.publish(forecast_num=1, draw_type=1)
    replies = [
        ("/userLogin", {"status": 0, "msg": "", "data": alice.data}),
        ("/uploadFile", url),
        ("/getTaskDetails", await bob.get("/getTaskDetails", code=code)),
        ("/getSharePic", await bob.post("/getSharePic", code=code)),
        ("/getProof", await client.get("/getProof", code=code)),
        ("/postTask", await alice.dig(code)),
        ("/postTask", await bob.dig(code)),
        ("/postTask", await bob.dig(code)),
        (
            "/postTask",
            await alice.post("/postTask", goods_type=1, name="红包", money=1, prize_num=1, forecast_num=3),
        ),
        ("/getTaskUser", await bob.get("/getTaskUser", code=code, page=1)),
        ("/getTaskDetails", await bob.get("/getTaskDetails", code=code)),
        ("/getProof", await client.get("/getProof", code=code)),
        ("/setProfile", await bob.post("/setProfile", wxname="鲍勃", wxheadpic=url["url"])),
        ("/endTask", await bob.post("/endTask", code=code)),
        ("/drawPrize", await bob.post("/drawPrize", code=code)),
        ("/confirmDraw", await alice.post("/confirmDraw", code=code, pickup="000000")),
        ("/getWinners", await alice.get("/getWinners", code=code)),
        ("/payTask", await alice.post("/payTask", code=code, money=1)),
    ]
    for path in ("/getTaskList", "/getMyInfo", "/getMyRelease", "/getMyPartake", "/getMyPrize"):
        replies += [(path, await who.get(path)) for who in (alice, bob)]
    table = await client.http.get(
        "/getWinners",
        params={"unionid": alice.unionid, "code": code, "format": "csv"},
        headers={"Authorization": f"Bearer {alice.token}"},
    )
    described = document["paths"]["/getWinners"]["get"]["responses"]["200"]["content"]
    assert table.headers["Content-Type"].partition(";")[0] in described
    replies.append(("/logout", await bob.post("/logout")))
    paths = {interface.path for interface in INTERFACES}
    assert {path for path, _ in replies} == paths
    fine = {path for path, reply in replies if reply["status"] == 0}
    assert paths - fine == {"/endTask", "/confirmDraw", "/payTask"}
    for path, reply in replies:
        assert not list(validator_of(document, path).iter_errors(reply)), (path, reply)
        assert not undescribed(document, path, reply) or reply["status"] == 1, path
