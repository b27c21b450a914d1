"""Scenarios by name, like test cards: logging in with a name as `user=…` plays its scenario."""

from typing import Literal, TypeAlias

from devtools.sandbox.login import wechat_id

Scenario: TypeAlias = Literal["risky", "payout_fails", "picture_refused"]
# What WeChat answers about the risk of `risky`, and why a transfer to `payout_fails` fails.
RISKY_RANK = 4
PAYOUT_FAILS_WITH = "PAYEE_ACCOUNT_ABNORMAL"


def plays(openid: str, scenario: Scenario) -> bool:
    """Whether this person logged in under the name of the scenario."""
    return openid == wechat_id("openid", scenario)
