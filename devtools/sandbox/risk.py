"""How risky a person is: `getuserriskrank`."""

import re
import secrets
from collections.abc import Mapping
from ipaddress import ip_address

import msgspec

from devtools.sandbox.base import WeChatFailure
from devtools.sandbox.scenarios import RISKY_RANK, plays
from devtools.sandbox.wechat_call import WeChatCall

MARKETING = 1

_OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")


class RiskRequest(msgspec.Struct):
    """What getuserriskrank takes, as far as this mini-program uses it."""

    appid: str = ""
    openid: str = ""
    scene: int = -1
    client_ip: str = ""


class RiskRank(WeChatCall):
    """POST /wxa/getuserriskrank: rank 0, or 4 for `risky`, or the `code` of a misbehaviour `rank`."""

    call = "risk"
    takes = RiskRequest
    misbehaviours = ("rank", "refuse", "error_before", "slow", "garbage")
    refuses_with = 61010

    def number(self, asked: RiskRequest) -> str:
        """Return the openid."""
        return asked.openid

    async def act(self, asked: RiskRequest) -> None:
        """Check the request."""
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

    async def answer(self, asked: RiskRequest) -> Mapping[str, object]:
        """Return the rank."""
        rank = RISKY_RANK if plays(asked.openid, "risky") else 0
        if self.told is not None and self.told["what"] == "rank":
            rank = int(self.told["code"] or RISKY_RANK)
        return {"errmsg": "getuserriskrank succ", "risk_rank": rank, "unoin_id": secrets.randbelow(10**9)}
