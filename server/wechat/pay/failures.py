"""How a call to WeChat Pay ends where it does not succeed, and what is wrong with an answer or a notice."""

from __future__ import annotations

_NOT_FOUND = frozenset({"NOT_FOUND", "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})


class PayRefused(Exception):
    """WeChat said no, and did nothing. `code` is WeChat's: NOT_ENOUGH, ORDERPAID, NOT_FOUND, PARAM_ERROR, …

    That says nothing of what an earlier call under the same number did: a refusal never is a reason to take
    a new number.
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
    """Whatever was asked for may or may not have happened: ask WeChat, or repeat under the same number."""


class Contradiction(Exception):
    """WeChat says something that cannot be brought together with what was asked, or with our own record."""


class ForgedNotice(Exception):
    """A notice that WeChat did not send us now: to be answered 401, and to touch no record."""
