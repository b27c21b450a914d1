"""Logging commands in the operators' audit log, beside the acts at /ops."""

import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

from server.errors import BadSettings
from server.store import Store
from server.store.audit_log import Actor

Command: TypeAlias = Literal["rotate", "forget", "release", "verify"]
# `refused`: nothing was changed. `left`: a rotation could not seal all values anew. `differs`: a proof does
# not hold.
Outcome: TypeAlias = Literal["done", "refused", "left", "differs"]


@dataclass(slots=True)
class Run:
    """A command that runs. Its outcome is `done` unless the command sets another."""

    outcome: Outcome = "done"


def who_runs() -> Actor:
    """Return the name of the user who runs this process."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a user in a container may have no name
        name = f"uid {uid}"
    return Actor(f"command line: {name}", shared=False)


@asynccontextmanager
async def logged(store: Store, command: Command, target: str = "") -> AsyncIterator[Run]:
    """Log a command before it runs, and its outcome after. If it fails or is cut off, the entry stays
    "begun"."""
    log = store.audit_log
    written = await log.begin(await store.now_ms(), who_runs(), f"run_{command}", target, "")
    run = Run()
    try:
        yield run
    except BadSettings:
        await log.conclude(written, "refused")
        raise
    await log.conclude(written, run.outcome)
