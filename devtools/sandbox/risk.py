"""How risky a person is: `getuserriskrank`."""

from __future__ import annotations

import asyncio
import re
import secrets
from ipaddress import ip_address

import msgspec

from devtools.sandbox.base import SandboxHandler, WeChatFailure, decoded
from devtools.sandbox.scenarios import RISKY_RANK, plays

RISK_MISBEHAVIOURS = ("rank", "refuse", "error_before", "slow", "garbage")
MARKETING = 1

_OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")


class RiskRequest(msgspec.Struct):
    """What getuserriskrank takes, as far as this mini-program uses it."""

    appid: str = ""
    openid: str = ""
    scene: int = -1
    client_ip: str = ""


class RiskRank(SandboxHandler):
    """POST /wxa/getuserriskrank. A misbehaviour names this call `risk`; its number is an openid."""

    async def post(self) -> None:
        """Answer rank 0, 4 about `risky`, or the `code` of a misbehaviour `rank`; or misbehave otherwise."""
        await self.require_token()
        asked = decoded(self.request.body, RiskRequest)
        told = await self.state.misbehaviours.take(RISK_MISBEHAVIOURS, asked.openid, "risk")
        what = told["what"] if told else ""
        if what == "error_before":
            raise WeChatFailure(-1)
        if told is not None and what == "refuse":
            raise WeChatFailure(int(told["code"] or 61010))
        self._check(asked)
        if told is not None and what == "slow":
            await asyncio.sleep(told["seconds"])
        if what == "garbage":
            self.finish(b"<html><body>502 Bad Gateway</body></html>")
            return
        rank = RISKY_RANK if plays(asked.openid, "risky") else 0
        if told is not None and what == "rank":
            rank = int(told["code"] or RISKY_RANK)
        said = {"errcode": 0, "errmsg": "getuserriskrank succ", "risk_rank": rank}
        self.write_json(said | {"unoin_id": secrets.randbelow(10**9)})

    def _check(self, asked: RiskRequest) -> None:
        if asked.appid != self.context.settings.appid:
            raise WeChatFailure(40013)
        if not _OPENID.fullmatch(asked.openid):
            raise WeChatFailure(40003)
        if asked.scene not in (0, MARKETING):
            raise WeChatFailure(40129)
        try:
            ip_address(asked.client_ip)
        except ValueError:
            raise WeChatFailure(44002) from None
