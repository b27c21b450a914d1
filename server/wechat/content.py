"""What WeChat thinks of a text or a picture. Pure."""

from typing import Literal, TypeAlias

import msgspec

Suggest: TypeAlias = Literal["pass", "review", "risky"]

# https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html
_LABELS = {
    "10001": "广告",
    "20001": "时政",
    "20002": "色情",
    "20003": "辱骂",
    "20006": "违法犯罪",
    "20008": "欺诈",
    "20012": "低俗",
    "20013": "版权",
}


class Result(msgspec.Struct, frozen=True):
    """What to do, and the kind of risk: WeChat's number for it, which some answers have as a text."""

    suggest: Suggest
    label: int | str = 100

    @property
    def risk(self) -> str:
        """The kind of risk in Chinese, "" if it has no name."""
        return _LABELS.get(str(self.label), "")


# Content that WeChat does not check needs a person who looks at it.
UNCHECKED = Result("review", 0)
