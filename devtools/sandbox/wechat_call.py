"""What the calls of the sandbox's WeChat share: the access token, and misbehaviour as told."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from devtools.sandbox.base import SandboxHandler, WeChatFailure, decoded
from devtools.sandbox.store.notices import Misbehaviour


class WeChatCall(SandboxHandler):
    """One interface of WeChat, for the holder of the access token. `call` is its name in a misbehaviour.

    `misbehaviours` are those that it can be told. `refuses_with` is the error code of a `refuse` that names
    no code.
    """

    call: ClassVar[str]
    takes: ClassVar[type[msgspec.Struct]]
    misbehaviours: ClassVar[tuple[str, ...]]
    refuses_with: ClassVar[int]
    told: Misbehaviour | None = None

    async def post(self) -> None:
        """Act and answer, or misbehave as told."""
        await self.require_token()
        asked = decoded(self.request.body, self.takes)
        self.told = await self.state.misbehaviours.take(self.misbehaviours, self.number(asked), self.call)
        what = ""
        code = ""
        seconds = 0
        if self.told is not None:
            what = self.told["what"]
            code = self.told["code"]
            seconds = self.told["seconds"]
        if what == "error_before":
            raise WeChatFailure(-1)
        if what == "refuse":
            await self.refuse(asked, int(code or self.refuses_with))
        await self.act(asked)
        if what == "error_after":
            raise WeChatFailure(-1)
        if what == "slow":
            await self.keep_waiting(seconds)
        if what == "timeout":
            await self.keep_waiting()
        if what in ("timeout", "disconnect"):
            self.detach().close()
        elif what == "garbage":
            self.finish(b"<html><body>502 Bad Gateway</body></html>")
        else:
            self.write_json({"errcode": 0, "errmsg": "ok", **await self.answer(asked)})

    def number(self, asked: Any) -> str:
        """Return what a misbehaviour may name: an openid; "" if the interface has none."""
        del asked
        return ""

    async def refuse(self, asked: Any, errcode: int) -> None:
        """Raise WeChatFailure."""
        del asked
        raise WeChatFailure(errcode)

    async def act(self, asked: Any) -> None:
        """Do what the call asks for, even if it will get no usable answer. Raises WeChatFailure."""

    async def answer(self, asked: Any) -> Mapping[str, object]:
        """Return the answer's own fields."""
        del asked
        return {}
