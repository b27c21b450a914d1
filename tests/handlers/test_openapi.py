"""The interfaces' description: valid, complete, and in agreement with the server's replies."""

import asyncio
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

import handlers
from handlers.asyncapi import MESSAGES
from handlers.base import Interface, RefusalReply
from handlers.digging.task_page import Why
from handlers.glossary import MEANINGS, VALUES
from handlers.languages import ENGLISH, LANGUAGES, SUMMARIES
from handlers.openapi import REFUSED
from handlers.ops.operators import OperatorInterface
from handlers.push import CLOSES, ConnectRequest
from handlers.schemas import key_of, structs_within
from handlers.websocket import OUR_CODES
from server.errors import REFUSALS, Refusal
from server.game import draw
from server.game.dig import EndReason
from server.game.prize import PrizeState
from server.realtime.frames import Frame
from support import SOURCE
from support.declared import channel, interfaces
from support.interfaces import ALL

CHINESE_LETTER = re.compile("[\u4e00-\u9fff]")


def descendants(kind: type[Any]) -> set[type[Any]]:
    """Return the classes that derive from this one, directly or not."""
    return {each for child in kind.__subclasses__() for each in {child, *descendants(child)}}


async def test_the_description_is_valid_and_complete(client, app):
    document = await client.http.get("/openapi.json")
    assert document.headers["Content-Type"].startswith("application/json")
    described = document.json()
    OpenAPIV31SpecValidator(described).validate()
    assert described["servers"] == [{"url": str(client.http.base_url).rstrip("/")}]
    routed = {(path, interface.method.lower()) for path, interface in app.interfaces.items()}
    found = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert {(path, method) for path, method in found if not path.startswith("/sandbox/")} == routed
    for module in pkgutil.walk_packages(handlers.__path__, "handlers."):
        importlib.import_module(module.name)
    everything = ALL
    declared = {kind for kind in descendants(Interface) if kind.path}
    assert declared == set(everything)
    structs = {struct for each in everything for struct in (*each.takes, *each.gives)}
    assert {struct.__name__ for struct in structs} <= described["components"]["schemas"].keys()
    assert len({struct.__name__ for struct in structs}) == len(structs)
    for error in REFUSALS:
        assert f"`{error}`" in described["info"]["description"]
    for interface in everything:
        operation = described["paths"][interface.path][interface.method.lower()]
        assert operation["summary"]
        guarded = interface.needs_token or issubclass(interface, OperatorInterface)
        assert ({} in operation["security"]) != guarded


async def test_parameters_are_described_as_they_are_checked(client):
    document = (await client.http.get("/openapi.json")).json()
    parameters = document["paths"]["/getTaskDetails"]["get"]["parameters"]
    asked = {parameter["name"]: parameter for parameter in parameters}
    assert [name for name, parameter in asked.items() if parameter["required"]] == ["unionid", "code"]
    assert asked["code"]["schema"]["pattern"] == "^[0-9A-Za-z]{12}(?:[0-9A-Za-z]{19})?$"
    assert asked["code"]["schema"]["description"] == "哪个宝贝：12 位字母或数字，或 31 位的分享码"
    assert '"default":null' not in json.dumps(document, separators=(",", ":"))
    posts = [operation for path in document["paths"].values() for operation in path.values()]
    kinds = [tuple(each["requestBody"]["content"]) for each in posts if "requestBody" in each]
    assert {*kinds} == {("application/json",), ("multipart/form-data",)}
    assert kinds.count(("multipart/form-data",)) == 1
    uploads = document["paths"]["/uploadFile"]["post"]["requestBody"]["content"]
    assert uploads.keys() == {"multipart/form-data"}
    published = document["paths"]["/postTask"]["post"]["requestBody"]["content"]["application/json"]
    sent = Draft202012Validator({**published["schema"], "components": document["components"]})
    draft = {"unionid": "o", "goods_type": 2, "name": "猫", "prize_num": 1, "forecast_num": 5}
    assert sent.is_valid(draft)
    assert sent.is_valid({"unionid": "o", "code": "A" * 12})
    for bad in ({"prize_num": 0}, {"name": " "}, {"cd": 3601}, {"unionid": "a b"}, {"is_public": None}):
        assert not sent.is_valid(draft | bad), bad


async def test_each_status_that_may_be_sent_is_described_and_no_other(client):
    document = (await client.http.get("/openapi.json")).json()
    assert "text/csv" in document["paths"]["/getWinners"]["get"]["responses"]["200"]["content"]
    failing = {str(refusal.http_status) for refusal in descendants(Refusal)} | {"200", "400", "405"}
    for interface in ALL:
        operation = document["paths"][interface.path][interface.method.lower()]
        assert operation["responses"].keys() == failing
    assert (await client.http.delete("/getTaskList")).status_code == 405
    reader, writer = await asyncio.open_connection(client.http.base_url.host, client.http.base_url.port)
    writer.write(b"GET /getTaskList HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
    try:
        assert await reader.read() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    finally:
        writer.close()
        await writer.wait_closed()
    responses = document["components"]["responses"]
    assert [name for name, each in responses.items() if "content" not in each] == ["400"]


def test_no_field_is_without_a_meaning_and_no_meaning_without_a_field():
    declared = [struct for each in ALL for struct in (*each.takes, *each.gives)]
    declared += [RefusalReply, ConnectRequest, *MESSAGES, *Frame.__subclasses__()]
    structs = structs_within(msgspec.inspect.multi_type_info(declared))
    used = {
        key_of(struct, field, MEANINGS)
        for struct in structs
        for field in (*struct.__struct_fields__, struct.__struct_config__.tag_field)
        if field is not None
    }
    assert None not in used
    assert MEANINGS.keys() - used == {name for each in ALL for name in each.takes_files}
    shapes = [*interfaces()["components"]["schemas"].values(), *channel()["components"]["schemas"].values()]
    shapes.append(channel()["channels"]["ws"]["bindings"]["ws"]["query"])
    assert {shape["title"] for shape in shapes} == {struct.__name__ for struct in structs}
    assert all(of["description"] for shape in shapes for of in shape["properties"].values())
    for operation in (each for path in interfaces()["paths"].values() for each in path.values()):
        assert all(parameter["description"] for parameter in operation.get("parameters", ()))


def test_each_text_is_there_in_both_languages_and_none_is_left_over():
    classes = [*ALL, *MESSAGES, *Frame.__subclasses__()]
    assert SUMMARIES.keys() == {each.__name__ for each in classes}
    texts = {refusal.default_msg for refusal in REFUSALS.values()}
    texts |= set(CLOSES.values())
    structs = [struct for each in ALL for struct in (*each.takes, *each.gives)]
    _, schemas = msgspec.json.schema_components([*structs, RefusalReply, ConnectRequest, *MESSAGES])
    texts |= {text for schema in schemas.values() for text in described(schema["properties"])}
    assert {text for text in texts if CHINESE_LETTER.search(text)} == ENGLISH.keys()
    meant = [(meaning.chinese, meaning.english) for meaning in MEANINGS.values()]
    meant += [texts for values in VALUES.values() for _, *texts in values]
    for chinese, english in meant:
        assert english
        assert chinese != english or not CHINESE_LETTER.search(chinese), chinese
    for document in (interfaces("zh"), channel("zh")):
        assert [text for text in described(document) if not CHINESE_LETTER.search(text)] == []


def described(part: Any) -> Iterator[str]:
    """Yield the descriptions in a part of a document."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("description", "summary") and isinstance(value, str):
                yield value
            elif name not in ("examples", "example"):
                yield from described(value)
    elif isinstance(part, list):
        for value in part:
            yield from described(value)


def test_fields_of_one_name_in_a_task_and_a_call_are_told_apart():
    shapes = interfaces()["components"]["schemas"]
    for name in ("Card", "ReleasedCard", "PartakenCard", "PrizeCard", "TaskPageData"):
        assert shapes[name]["properties"]["status"]["description"] == "宝贝的状态：0 进行中，1 已结束"
    assert shapes["GetTaskDetailsReply"]["properties"]["status"]["description"].startswith("这次请求的结果")
    assert all(shapes[name]["properties"]["is_cd"]["enum"] == [0, 1] for name in ("Card", "TaskPageData"))
    assert "这个人" in shapes["TaskPageData"]["properties"]["is_cd"]["description"]


def test_values_that_have_a_meaning_are_those_of_the_code():
    listed = {name: {value for value, *_ in values} for name, values in VALUES.items()}
    assert listed["end_reasons"] == set(get_args(EndReason)) == listed["end_reason"] - {""}
    assert listed["prize_states"] == set(get_args(PrizeState)) == listed["prize_state"] - {""}
    assert listed["why_not"] == set(get_args(Why))
    assert listed["why_not"] - {""} <= REFUSALS.keys()
    assert listed.keys() == {meaning.values for meaning in MEANINGS.values()} - {""}
    assert CLOSES.keys() == {*OUR_CODES, 1001}


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json"])
async def test_a_description_is_made_once_sent_compressed_and_not_again_to_who_has_it(client, path):
    first = await client.http.get(path)
    assert first.headers["Content-Encoding"] == "gzip"
    assert first.headers["Vary"] == "Accept-Encoding, Accept-Language"
    plain = await client.http.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.content == first.content
    known = {"If-None-Match": first.headers["Etag"]}
    again = await client.http.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    english = await client.http.get(path, params={"lang": "en"}, headers=known)
    assert english.status_code == 200
    tongues = {"en-GB,zh;q=0.5": english.content, "zh-CN,en;q=0.5": plain.content}
    for tongue, content in tongues.items():
        assert (await client.http.get(path, headers={"Accept-Language": tongue})).content == content


async def test_the_reference_says_how_a_proof_is_checked_and_which_refusals_each_interface_gives(client):
    said = {}
    for language in LANGUAGES:
        paths = (await client.http.get("/openapi.json", params={"lang": language})).json()["paths"]
        said[language] = paths["/getProof"]["get"]["description"]
        assert paths["/getProof"]["get"]["x-refusals"] == [
            "bad_request", "no_such_task", "not_ended", "unavailable", "internal",
        ]  # fmt: skip
    assert all("`not_ended`" in text for text in said.values())
    rule = "\n\n".join((draw.__doc__ or "").split("\n\n")[2:])
    assert said["en"].split()[: len(rule.split())] == rule.split()
    assert [part for part in said["zh"].split("\n\n") if not CHINESE_LETTER.search(part)] == []
    assert len(said["zh"].split("\n\n")) == len(said["en"].split("\n\n"))
    assert REFUSED["own"].keys() == {interface.path for interface in ALL}
    declared = {code for group in REFUSED.values() for codes in group.values() for code in codes}
    assert declared == REFUSALS.keys()


@pytest.mark.parametrize("page", ["app/detail.js", "miniprogram/pages/treasure/treasure.js"])
def test_each_frame_is_taken_by_a_treasures_page_or_by_the_channel_below_it(page):
    tags = {str(frame.__struct_config__.tag) for frame in Frame.__subclasses__()}
    code = [SOURCE / "static" / page, SOURCE / "static/miniprogram/shared/channel.js"]
    text = "".join(each.read_text() for each in code)
    taken = set(re.findall(r'(?:case|type ===) "(\w+)"', text))
    # A client that counts down by itself asks for no ticks; any frame shows that a connection lives.
    assert tags - taken == {"tick", "pong"}
