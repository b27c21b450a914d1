"""Content checks as WeChat answers them: texts at once, pictures later by message push.

The sandbox objects to texts with 违规 in them and has doubts about those with 存疑. A picture passes, unless
it is of `picture_refused` (`scenarios.py`). A misbehaviour `judge` says otherwise for any text or picture.
https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html
https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from devtools.sandbox.base import SandboxHandler, WeChatFailure, decoded
from devtools.sandbox.notices import MEDIA_CHECK, tell
from devtools.sandbox.scenarios import plays
from server.context import Context

RISKY, DOUBTFUL = "违规", "存疑"
LABELS = {"pass": 100, "review": 20012, "risky": 20006}
# The misbehaviours of a check, as opposed to those of its push.
CHECK_MISBEHAVIOURS = ("error_before", "timeout", "disconnect", "slow", "garbage", "refuse", "judge")

CONTENT_CALLS = ("msg_sec_check", "media_check_async")

Scene = Annotated[int, Meta(ge=1, le=4)]


class TextRequest(msgspec.Struct):
    """What msg_sec_check takes, version 2."""

    version: Literal[2]
    openid: Annotated[str, Meta(min_length=1, max_length=128)]
    scene: Scene
    content: Annotated[str, Meta(min_length=1, max_length=2500)]


class MediaRequest(msgspec.Struct):
    """What media_check_async takes, version 2. 1 is sound, 2 a picture."""

    version: Literal[2]
    openid: Annotated[str, Meta(min_length=1, max_length=128)]
    scene: Scene
    media_type: Literal[1, 2]
    media_url: Annotated[str, Meta(max_length=1024, pattern=r"\Ahttps?://\S+\Z")]


class ContentCheck(SandboxHandler):
    """A check, for the holder of the access token. `call` is its name in a misbehaviour."""

    call: ClassVar[str]

    def initialize(self, context: Context) -> None:
        """Take the context from the route table."""
        super().initialize(context)
        self._gone = asyncio.Event()

    async def post(self) -> None:
        """Check, or misbehave as told."""
        await self.require_token()
        told = await self.state.misbehaviours.take(CHECK_MISBEHAVIOURS, "", self.call)
        what, code = (told["what"], told["code"]) if told else ("", "")
        if what == "error_before":
            raise WeChatFailure(-1)
        if what == "refuse":
            raise WeChatFailure(int(code or "61010"))
        if what in ("timeout", "disconnect"):
            if what == "timeout":
                await self._gone.wait()
            self.detach().close()
            return
        if what == "slow" and told:
            await asyncio.sleep(told["seconds"])
        if what == "garbage":
            self.finish("<html>502</html>")
            return
        answer = await self.check(code if what == "judge" else "")
        self.write_json({"errcode": 0, "errmsg": "ok", "trace_id": new_trace_id(), **answer})

    async def check(self, judged: str) -> Mapping[str, object]:
        """Return the answer's own fields. `judged` is the result it was told to have, "" for none."""
        raise NotImplementedError

    def on_connection_close(self) -> None:
        """Note that the client is gone."""
        self._gone.set()


class MsgSecCheck(ContentCheck):
    """POST /wxa/msg_sec_check."""

    call = "msg_sec_check"

    async def check(self, judged: str) -> Mapping[str, object]:
        """Return the result, and how each strategy judged."""
        content = decoded(self.request.body, TextRequest).content
        suggest = judged or ("risky" if RISKY in content else "review" if DOUBTFUL in content else "pass")
        return judgement(suggest)


class MediaCheckAsync(ContentCheck):
    """POST /wxa/media_check_async."""

    call = "media_check_async"

    async def check(self, judged: str) -> Mapping[str, object]:
        """Return the trace_id, under which the result is pushed."""
        asked, trace_id = decoded(self.request.body, MediaRequest), new_trace_id()
        event = {
            "ToUserName": "gh_sandbox",
            "FromUserName": asked.openid,
            "CreateTime": int(time.time()),
            "MsgType": "event",
            "Event": MEDIA_CHECK,
            "appid": self.context.settings.appid,
            "trace_id": trace_id,
            "version": 2,
            "errcode": 0,
            "errmsg": "ok",
            **judgement(judged or ("risky" if plays(asked.openid, "picture_refused") else "pass")),
        }
        settings = self.context.settings
        url = f"{settings.notify_url}/wxPush" if settings.checks_content else ""
        await tell(self.context, MEDIA_CHECK, trace_id, url, event)
        return {"trace_id": trace_id}


def judgement(suggest: str) -> dict[str, object]:
    """Return the fields of a result."""
    label = LABELS[suggest]
    strategy = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    return {"result": {"suggest": suggest, "label": label}, "detail": [strategy]}


def new_trace_id() -> str:
    """Return a trace_id of WeChat's form."""
    return "-".join(secrets.token_hex(4) for _ in range(3))
