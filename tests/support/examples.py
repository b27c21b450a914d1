"""Notes examples of requests, replies, messages and frames during a test; the reference shows them."""

import contextlib
import json
import os
import re
from itertools import chain
from typing import Any

import httpx
import msgspec

from handlers.examples import EXAMPLES, examples
from handlers.parameters import parse
from support.client import Client
from support.interfaces import ALL
from support.open_pages import Page

# If this variable is set to anything, the examples of this run replace the saved ones.
RECORDS = "EXAMPLES_RECORD" in os.environ
HOST = "https://wabao.example"
TOKEN = "the-token-of-this-person"
_TAKES = {interface.path: interface for interface in ALL}


class Recorder:
    """Notes the first successful reply for each kind of request, and the fullest frame of each type."""

    def __init__(self, client: Client, secrets: dict[str, str]) -> None:
        self.interfaces: dict[str, dict[str, Any]] = {}
        self.sandbox: dict[str, Any] = {}
        self.messages: dict[str, Any] = {}
        self.frames: dict[str, Any] = {}
        self._secrets = {str(client.http.base_url).rstrip("/"): HOST, **secrets}
        client.http.event_hooks["response"].append(self._note)

    async def _note(self, response: httpx.Response) -> None:
        await response.aread()
        await response.request.aread()
        request = response.request
        path = response.request.url.path
        asked: dict[str, Any] = dict(request.url.params)
        if request.headers.get("Content-Type", "").startswith("application/json"):
            asked |= json.loads(request.content)
        if path == "/uploadFile":
            found = re.search(rb'name="unionid"\r\n\r\n(\S+)', request.content)
            asked = {"unionid": found[1].decode() if found else ""}
        reply: Any = response.text
        with contextlib.suppress(ValueError):
            reply = response.json()
        if path == "/userLogin" and not reply["status"]:
            self._secrets[reply["data"]["token"]] = TOKEN
        if path.startswith("/sandbox/") and response.status_code == 200:
            self.sandbox.setdefault(path, {"request": asked, "reply": reply})
        elif path in _TAKES and (isinstance(reply, str) or not reply["status"]):
            interface = _TAKES[path]
            taken = interface.pick(interface, asked)  # type: ignore[arg-type]  # it needs the class only
            read = msgspec.to_builtins(parse(taken, asked))
            example = {"request": {name: read[name] for name in asked}, "reply": _first_two(reply)}
            self.interfaces.setdefault(path, {}).setdefault(taken.__name__, example)

    def note_frames(self, *pages: Page) -> None:
        """Note the frames that pages got: of each type, the frame with the most fields."""
        for frame in (frame for page in pages for frame in page.frames):
            if len(frame) > len(self.frames.get(frame["type"], ())):
                self.frames[frame["type"]] = frame

    async def ask(self, page: Page, **message: Any) -> None:
        """Send a page's message, and note the message."""
        self.messages.setdefault(message["action"], message)
        await page.ask(**message)

    def found(self) -> dict[str, Any]:
        """Return all examples, without tokens and other secrets."""
        kinds = ("interfaces", "sandbox", "messages", "frames")
        text = json.dumps({kind: getattr(self, kind) for kind in kinds}, ensure_ascii=False)
        for secret, harmless in self._secrets.items():
            text = text.replace(secret, harmless)
        found: dict[str, Any] = json.loads(text)
        return found


def _first_two(value: Any) -> Any:
    """Return a reply with at most two entries of each list."""
    if isinstance(value, dict):
        return {name: _first_two(each) for name, each in value.items()}
    return [_first_two(each) for each in value[:2]] if isinstance(value, list) else value


def shape(value: Any) -> Any:
    """Return the names in a value; of a list, the names in its first entry."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def differences(kept: Any, found: Any, at: str) -> list[str]:
    """Return a line for each field that only one of two examples has, or that has entries in only one."""
    if isinstance(kept, dict) and isinstance(found, dict):
        both = kept.keys() & found.keys()
        lines = [f"{at}.{name} is not in {EXAMPLES.name}" for name in found.keys() - both]
        lines += [f"{at}.{name} is only in {EXAMPLES.name}" for name in kept.keys() - both]
        inner = [differences(kept[name], found[name], f"{at}.{name}") for name in both]
        return [*lines, *chain.from_iterable(inner)]
    if isinstance(kept, list) and isinstance(found, list) and kept and found:
        return differences(kept[0], found[0], f"{at}[0]")
    return [] if shape(kept) == shape(found) else [f"{at} is {found!r}, in {EXAMPLES.name} {kept!r}"]


def keep(found: dict[str, Any]) -> None:
    """Write the noted examples into the file of examples. One with the same names keeps its values."""
    kept = json.loads(EXAMPLES.read_text("utf-8"))
    for kind, noted in found.items():
        old = kept.get(kind, {})
        known = old | {at: new for at, new in noted.items() if differences(old.get(at), new, at)}
        kept[kind] = {name: known[name] for name in sorted(known) if kind != "interfaces" or name in _TAKES}
    EXAMPLES.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    examples.cache_clear()
