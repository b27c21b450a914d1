"""How a call to WeChat Pay fails, and what can be wrong with an answer or a notice."""

from __future__ import annotations

_NOT_FOUND = frozenset({"NOT_FOUND", "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})


class PayRefused(Exception):
    """WeChat said no, and did nothing. `code` is WeChat's: NOT_ENOUGH, ORDERPAID, NOT_FOUND, PARAM_ERROR, …

    An earlier call under the same number may still have succeeded: a refusal is never a reason to take a new
    number.
    """

    def __init__(self, code: str, message: str, http_status: int = 0) -> None:
        self.code = code
        self.message = message
        self.http_status = http_status
        super().__init__(f"{code}: {message}")

    @property
    def not_found(self) -> bool:
        """Whether WeChat knows no order, refund or bill of that number."""
        return self.code in _NOT_FOUND


class PayUnknown(Exception):
    """What we asked for may or may not have happened: ask WeChat, or repeat under the same number."""


class Contradiction(Exception):
    """What WeChat says, or what we find, contradicts our own records or what we asked."""


class ForgedNotice(Exception):
    """The notice is not from WeChat, not for us, or too old. It must change nothing; the answer is 401."""
