"""Contexts that take red packets, as those of tests do."""

from server.cash.context import CashContext
from server.context import Context


def cash_of(context: Context) -> CashContext:
    """Return a context that takes red packets."""
    assert isinstance(context, CashContext)
    return context
