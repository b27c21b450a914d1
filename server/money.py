"""Sums and dates that all of the money's actions agree on. No store is read and nothing is decided here."""

from __future__ import annotations

from server.store.tasks import DAY_MS, Task

FEN_PER_YUAN = 100


def prize_fen(task: Task) -> int:
    """Return what one prize of a task pays: 0 for goods."""
    return task["money"] * FEN_PER_YUAN


def total_fen(task: Task) -> int:
    """Return what all prizes of a task pay together, which is what its publisher pays in."""
    return prize_fen(task) * task["prize_num"]


def claim_deadline_ms(task: Task, claim_days: int) -> int | None:
    """Return until when prizes of a task may be claimed, in unix milliseconds; None while it runs."""
    return task["ended_at"] + claim_days * DAY_MS if task["status"] else None
