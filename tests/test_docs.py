"""The documents: every link leads somewhere, the curl commands run unchanged, tables are complete."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from handlers.glossary import VALUES
from handlers.push import CLOSES
from server.cash.context import CashContext
from server.errors import REFUSALS
from server.realtime.frames import Frame
from server.settings import GUARDED_DEFAULTS, Settings
from server.store import Store
from support import SOURCE
from support.declared import channel, interfaces
from support.interfaces import OURS
from support.lifecycles import diagram

README = SOURCE / "README.md"
CHINESE = SOURCE / "README.zh.md"
INTERFACES = SOURCE / "docs" / "interfaces.md"
CLIENTS = SOURCE / "docs" / "mini-program.md"
CLIENTS_ENGLISH = SOURCE / "docs" / "mini-program.en.md"
PAGES = sorted(SOURCE.glob("docs/*.md"))
TEXTS = [README, CHINESE, SOURCE / "CONTRIBUTING.md", SOURCE / "CHANGELOG.md", *PAGES]
ROUND_SECONDS = 60
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)|src="([^"]+)"')
FILE = re.compile(r"(?<![\w/])((?:server|handlers|devtools|static|tests|bench|docs|\.ci)/[\w./-]*\w)")


def name_of(text: Path) -> str:
    return str(text.relative_to(SOURCE))


def read(text: Path) -> str:
    return text.read_text(encoding="utf-8")


def prose(text: Path) -> str:
    return FENCED.sub("", read(text))


def blocks(text: Path, language: str) -> list[str]:
    return [code for kind, code in FENCED.findall(read(text)) if kind == language]


def every_shape() -> list[dict[str, Any]]:
    """Return the schemas of all interfaces and frames."""
    return [*interfaces()["components"]["schemas"].values(), *channel()["components"]["schemas"].values()]


def anchors(text: Path) -> set[str]:
    """Return the anchors that GitHub makes from the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: Path) -> list[str]:
    """Return a text's links into this repository."""
    found = [first or second for first, second in LINK.findall(prose(text))]
    return [link for link in found if not link.startswith(("http://", "https://"))]


@pytest.mark.parametrize("text", TEXTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(text):
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = (text.parent / path).resolve() if path else text
        assert target.is_file(), link
        assert target.is_relative_to(SOURCE), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("text", TEXTS, ids=name_of)
def test_every_file_that_is_named_is_there(text):
    missing = [path for path in FILE.findall(read(text)) if not (SOURCE / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_page_is_linked_from_both_first_pages_and_links_to_the_others(page):
    assert f"docs/{page.name}" in links(README)
    assert f"docs/{page.name}" in links(CHINESE)
    others = {other.name for other in PAGES if other != page}
    assert {"../README.md", *others} <= set(links(page))


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.gen_test(timeout=ROUND_SECONDS + 30)
async def test_the_block_of_curl_plays_a_round_as_it_stands(http_server, settings):
    (block,) = (code for code in blocks(INTERFACES, "sh") if "curl" in code)
    assert block.count("http://127.0.0.1:8000") == 1
    block = block.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{settings.port}")
    bin_path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        "sh",
        "-u",
        cwd=SOURCE,
        env={**os.environ, "PATH": bin_path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(ROUND_SECONDS):
        out, complained = await shell.communicate(block.encode())
    said = out.decode().splitlines()
    assert complained == b""
    assert len(said) == 7
    won, refused, won_too = (msgspec.json.decode(line) for line in said[:3])
    assert (won["wxname"], won["is_prize"], won["now_depth"], won["prizes_left"]) == ("小红", 1, 1, 1)
    assert refused["error"] == "cooling_down"
    assert (won_too["wxname"], won_too["is_prize"], won_too["task_status"]) == ("小刚", 1, 1)
    shown = next(code for code in blocks(INTERFACES, "console") if "is_prize" in code).splitlines()
    for printed, line in zip(said[:3], shown[:3], strict=True):
        assert msgspec.json.decode(printed).keys() == msgspec.json.decode(line).keys()
    assert (said[3], said[6]) == (shown[3], shown[6])
    assert said[4].endswith(", depths that win: 1, 2")
    assert said[5][:-32] == shown[5][:-32]  # the line on who drew, without the nonce


async def test_the_two_clients_in_the_docs_dig_until_they_win(client, settings, alice):
    node = shutil.which("node")
    for command, name in (
        ((sys.executable, "docs/client.py"), "小红"),
        *([((node, "docs/client.mjs"), "小刚")] if node else []),
    ):
        code = await alice.publish(cd=1, prize_num=2, forecast_num=2, interval=2, fluctuation=0)
        rival = await client.log_in("bob")
        assert (await rival.dig(code))["is_prize"] == 0
        playing = await asyncio.create_subprocess_exec(
            *command,
            f"http://127.0.0.1:{settings.port}",
            name,
            code,
            cwd=SOURCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        async with asyncio.timeout(ROUND_SECONDS):
            out, complained = await playing.communicate()
        assert complained == b""
        assert out.decode().splitlines()[-1] == "level 2: won"


def test_the_diagram_of_money_is_that_of_its_tables():
    """To print the diagram again, print the left side of this assertion."""
    assert diagram() == blocks(SOURCE / "docs" / "money.md", "mermaid")[0]


def test_what_the_mini_program_takes_from_a_phone_is_declared():
    """https://developers.weixin.qq.com/miniprogram/dev/framework/user-privacy/plugin-intro.html"""
    taking = re.compile(
        r'(?:call\("|wx\.)(choose(?!Avatar)[A-Z]\w+|getLocation|getWeRunData|[sg]etClipboardData'
        r"|save(?:Image|Video)ToPhotosAlbum|addPhone\w+|getRecorderManager)\b"
    )
    files = (SOURCE / "static" / "miniprogram").rglob("*.js")
    called = {name for file in files for name in taking.findall(read(file))}
    declared = [line for line in read(SOURCE / "docs" / "launch.md").splitlines() if line.startswith("| ")]
    assert called >= {"chooseMedia", "chooseMessageFile"}
    assert [name for name in called if not any(f"`wx.{name}`" in line for line in declared)] == []


def test_every_setting_is_in_the_table_with_its_default():
    text = read(SOURCE / "docs" / "deploying.md")
    defaults: dict[str, str] = {}
    for line in text[text.index("## Settings") :].splitlines():
        if line.startswith("| `"):
            names, said = line.split("|")[1:3]
            settings = re.findall("`([A-Z_0-9]+)`", names)
            each = re.split("; |, (?=[0-9])", said.strip())
            defaults |= zip(settings, each if len(each) > 1 else each * len(settings), strict=True)
    fields = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    assert defaults.keys() == {name.upper() for name in fields}
    in_words = {"CASH", "PUBLIC_URL", "TEXTS_DIR", "SANDBOX_URL"}  # what an empty value means
    for name, default in fields.items():
        said, _, guarded = defaults[name.upper()].partition(", in production ")
        assert name.upper() in in_words or said == str(default), name
        assert guarded == GUARDED_DEFAULTS.get(name, ""), name


def test_every_metric_that_a_page_names_is_there():
    source = read(SOURCE / "server" / "telemetry" / "metrics.py")
    made = set(re.findall(r'"(wabao_\w+)"', source)) | CashContext.METRICS.keys()
    named = {name for text in TEXTS for name in re.findall(r"\b(wabao_\w+)", prose(text))}
    assert {re.sub("_(total|info|count)$", "", name) for name in named} - made == set()


async def test_every_collection_is_among_what_grows_or_stays():
    store = Store("mongodb://127.0.0.1:1/nobody")
    kept = {*store.indexes(), *(each.NAME for each in store.stores)}
    await store.close()
    text = read(SOURCE / "docs" / "operating.md")
    section = text[text.index("## What grows") : text.index("## Replacing a secret")]
    assert kept - set(re.findall(r"`([a-z_.]+)`", section)) == set()


def test_every_interface_is_in_the_table():
    rows = "".join(
        line.split("|")[1]
        for line in read(SOURCE / "docs" / "interfaces.md").splitlines()
        if line.startswith("| ")
    )
    assert {interface.path for interface in OURS} <= set(re.findall("`(/[^`]+)`", rows))


def test_every_frame_is_in_the_table_with_its_fields():
    text = read(SOURCE / "docs" / "realtime.md")
    table = {
        cells[1].strip(" `"): set(cells[3].strip().split(", "))
        for cells in (line.split("|") for line in text[text.index("## Frames") :].splitlines())
        if len(cells) == 5 and re.fullmatch(r" `(?!type`)[a-z]+` ", cells[1])
    }
    frames = {
        str(frame.__struct_config__.tag): set(frame.__struct_fields__) for frame in Frame.__subclasses__()
    }
    assert table.keys() == frames.keys()
    for kind, fields in frames.items():
        assert fields - {"code"} == table[kind] - {"code"}, kind


@pytest.mark.parametrize("text", [CLIENTS, CLIENTS_ENGLISH], ids=name_of)
def test_the_pages_for_clients_say_what_to_do_about_each_value(text):
    tables: dict[str, set[str]] = {}
    heading = ""
    for line in read(text).splitlines():
        if not line.startswith("|"):
            heading = ""
            continue
        first = line.split("|")[1].strip()
        if not heading:
            heading = first.strip("`")
            tables[heading] = set()
        elif first.strip("-: "):
            tables[heading] |= set(re.findall(r"`([a-z_]+)`", first)) or {first}
    assert tables["error"] == REFUSALS.keys()
    listed = {name: {value for value, *_ in values} for name, values in VALUES.items()}
    assert tables["end_reason"] == listed["end_reasons"]
    assert tables["state"] == listed["prize_states"]
    codes = tables.get("关闭码") or tables["close code"]
    assert codes - {"其它", "any other"} == {str(code) for code in CLOSES}
    assert tables["why"] - {"空", "empty"} == listed["why_not"] - {""}


def test_names_in_the_pages_for_clients_are_there():
    fields = {field for shape in every_shape() for field in shape["properties"]}
    for field in (of for shape in every_shape() for of in shape["properties"].values()):
        fields |= {str(value) for value in field.get("enum", ())}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", prose(CLIENTS)))
    assert named - fields - REFUSALS.keys() == set()
    paths = {interface.path for interface in OURS} | {"/docs", "/openapi.json", "/asyncapi.json", "/ws"}
    assert set(re.findall(r"`(?:GET |POST )?(/[A-Za-z.]+)`", prose(CLIENTS))) <= paths
