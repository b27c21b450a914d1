"""One server with its stores and people, for `money_machine.py` and `bench/kills.py`."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

import httpx
import msgspec
from pymongo.errors import PyMongoError
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from devtools.sandbox import Sandbox
from server.app import make_app
from server.context import Context
from server.errors import Refusal
from server.running.worker import look_at_data
from server.runtime.background import Background
from server.settings import read_settings
from server.store import Store, is_unavailable
from support.client import Client, rest
from support.limits import NO_LIMITS
from support.steps import COLLECTIONS, Killed, Steps

_T = TypeVar("_T")

# More than the connections that a process of a sequence opens to its store.
CONNECTIONS = 16
PEOPLE = ("alice", "bob", "carol", "dave")
SANDBOX = ("sandbox_orders", "sandbox_bills", "sandbox_notices", "sandbox_misbehaviours")


class World:
    """One server with its stores and people, for any number of sequences, each without older tasks."""

    def __init__(
        self,
        mongodb_uri: str,
        redis_url: str,
        data_dir: str,
        trouble: Callable[[], AbstractContextManager[None]] = nullcontext,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`trouble` is entered around each act of a process, so that the store may fail during the act.

        `environment` has further settings.
        """
        self.trouble = trouble
        self.seen: Counter[str] = Counter()
        self.loop = asyncio.new_event_loop()
        sock, port = bind_unused_port()
        settings = read_settings(
            {
                "MONGODB_URI": mongodb_uri,
                "REDIS_URL": redis_url,
                "DATA_DIR": data_dir,
                "PORT": str(port),
                "SECRET_KEY": secrets.token_hex(32),
                "PAY_ORDER_KIND": "virtual",
                **NO_LIMITS,
                **environment,
            }
        )
        self.settings = settings

        async def open_all() -> None:
            await look_at_data(settings, prepares=True)
            self.context = await Context.open(settings, Sandbox)
            assert isinstance(self.context.sandbox, Sandbox)
            self.sandbox = self.context.sandbox
            self.server = HTTPServer(make_app(self.context))
            self.server.add_socket(sock)
            http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20)
            self.client = Client(http, context=self.context)
            await self.client.log_in_all(*PEOPLE)
            self.victim_store = Store(mongodb_uri)

        self.run(open_all())

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run something in this world's loop."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Close the server and its connections."""

        async def close_all() -> None:
            await self.victim_store.close()
            await self.client.http.aclose()
            self.server.stop()
            await self.server.close_all_connections()
            await self.context.close()

        self.run(close_all())
        self.loop.close()

    def hold_above(self, yuan: int) -> None:
        """Hold each payout that brings a winner's sum of a day above this amount; 0: hold nothing."""
        self.context.settings = msgspec.structs.replace(self.context.settings, cash_won_day_yuan=yuan)

    def pay_out(self, yuan: int) -> None:
        """Let a publisher pay no more than this amount a day; 0: any sum."""
        self.context.settings = msgspec.structs.replace(self.context.settings, cash_publisher_day=yuan)

    async def clean(self) -> None:
        """Forget all tasks and money."""
        self.hold_above(0)
        self.pay_out(0)
        await rest(self.context)
        for name in (*COLLECTIONS, *SANDBOX):
            await self.context.store.database[name].delete_many({})
        await self.client.misbehave("managed", call="managed", times=1000)

    async def act(self, kill_after: int, work: Callable[[Context], Awaitable[Any]]) -> Any:
        """Let a process do something, and die after `kill_after` steps if that is not 0. Count refusals."""
        actor = self.context
        if kill_after:
            # Another process acts: it has connections of its own, and Steps kills it.
            store = copy(self.victim_store)
            actor = replace(self.context, store=store, background=Background())
            Steps(actor, kill_after)
        try:
            with self.trouble():
                return await work(actor)
        except Refusal as refusal:
            self.seen[f"refused: {refusal.error}"] += 1
            return None
        except Killed:
            self.seen["killed"] += 1
            return None
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            self.seen["the store did not answer"] += 1
            return None
        finally:
            await rest(actor)
            if self.trouble is not nullcontext:
                # These reads use up the connections that were cut; the driver repeats reads. Otherwise
                # `let_pass` would next write over a cut connection, and nobody repeats its write.
                await asyncio.gather(*(self.context.store.tasks.find("") for _ in range(CONNECTIONS)))
