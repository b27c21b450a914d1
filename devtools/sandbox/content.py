"""Content checks as WeChat answers them: texts at once, pictures later by message push.

The sandbox objects to texts with 【违规】 in them and has doubts about those with 【存疑】. A picture passes,
unless it is of `picture_refused` (`scenarios.py`). A misbehaviour `judge` decides otherwise about any text or
picture.
https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html
https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync
"""

import secrets
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devtools.sandbox.notices import MEDIA_CHECK, push
from devtools.sandbox.scenarios import plays
from devtools.sandbox.wechat_call import WeChatCall

RISKY = "【违规】"
DOUBTFUL = "【存疑】"
LABELS = {"pass": 100, "review": 20012, "risky": 20006}

CONTENT_CALLS = ("msg_sec_check", "media_check_async")

Scene = Annotated[int, Meta(ge=1, le=4)]


class TextRequest(msgspec.Struct):
    """What msg_sec_check takes, version 2."""

    version: Literal[2]
    openid: Annotated[str, Meta(min_length=1, max_length=128)]
    scene: Scene
    content: Annotated[str, Meta(min_length=1, max_length=2500)]


class MediaRequest(msgspec.Struct):
    """What media_check_async takes, version 2, of a picture."""

    version: Literal[2]
    openid: Annotated[str, Meta(min_length=1, max_length=128)]
    scene: Scene
    media_type: Literal[2]
    media_url: Annotated[str, Meta(max_length=1024, pattern=r"\Ahttps?://\S+\Z")]


class ContentCheck(WeChatCall):
    """A check. If it was told to `judge`, its result is what the misbehaviour says."""

    misbehaviours = ("error_before", "timeout", "disconnect", "slow", "garbage", "refuse", "judge")
    refuses_with = 61010

    @property
    def judged(self) -> str:
        """The result that it was told to have, "" for none."""
        return self.told["code"] if self.told is not None and self.told["what"] == "judge" else ""


class MsgSecCheck(ContentCheck):
    """POST /wxa/msg_sec_check."""

    call = "msg_sec_check"
    takes = TextRequest

    async def answer(self, asked: TextRequest) -> Mapping[str, object]:
        """Return the result, and how each strategy judged."""
        content = asked.content
        found = "risky" if RISKY in content else "review" if DOUBTFUL in content else "pass"
        return {"trace_id": new_trace_id(), **judgement(self.judged or found)}


class MediaCheckAsync(ContentCheck):
    """POST /wxa/media_check_async."""

    call = "media_check_async"
    takes = MediaRequest

    async def answer(self, asked: MediaRequest) -> Mapping[str, object]:
        """Return the trace_id, under which the result is pushed."""
        trace_id = new_trace_id()
        event = {
            "FromUserName": asked.openid,
            "Event": MEDIA_CHECK,
            "appid": self.context.settings.appid,
            "trace_id": trace_id,
            "version": 2,
            "errcode": 0,
            "errmsg": "ok",
            **judgement(self.judged or ("risky" if plays(asked.openid, "picture_refused") else "pass")),
        }
        await push(self.context, MEDIA_CHECK, trace_id, event)
        return {"trace_id": trace_id}


def judgement(suggest: str) -> dict[str, object]:
    """Return the fields of a result."""
    label = LABELS[suggest]
    strategy = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    return {"result": {"suggest": suggest, "label": label}, "detail": [strategy]}


def new_trace_id() -> str:
    """Return a trace_id of WeChat's form."""
    return "-".join(secrets.token_hex(4) for _ in range(3))
