"""The least code that can serve the same reads.

Tornado handlers make the same calls to MongoDB and write the results as JSON. They check no parameters,
identify nobody and shape no reply. A further handler makes no call and writes the bytes that it was given.

    python bench/parts/bare.py PORT [MONGODB_URI]
"""

import asyncio
import json
import sys
import time
from typing import Any, ClassVar

import msgspec
from tornado.web import Application, RequestHandler

from server.store import Store
from server.store.digging.visits import Visit, visit_id
from server.telemetry.logs import set_up_logging


class Bare(RequestHandler):
    def initialize(self, store: Store) -> None:
        self.store = store

    def reply(self, **fields: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(msgspec.json.encode({"status": 0, "msg": "", **fields}))


class TaskList(Bare):
    async def get(self) -> None:
        await self.store.people.find(self.get_query_argument("unionid"))
        self.reply(data=await self.store.square.page(1, int(time.time() * 1000), 30 * 86_400_000))


class TaskDetails(Bare):
    async def get(self) -> None:
        code = self.get_query_argument("code")
        person_id = self.get_query_argument("unionid")
        view = await self.store.tasks.view(code, person_id)
        assert view is not None
        now_ms = int(time.time() * 1000)
        key = visit_id(code, person_id)
        await self.store.visits.open([Visit(_id=key, code=code, person_id=person_id, opened_at=now_ms)])
        users, _ = await self.store.digs.participants(code, 1)
        self.reply(view=view, share=key, users=users)


class TaskUser(Bare):
    async def get(self) -> None:
        await self.store.people.find(self.get_query_argument("unionid"))
        code = self.get_query_argument("code")
        page = int(self.get_query_argument("page"))
        users, _ = await self.store.digs.participants(code, page)
        self.reply(data=users)


class Dig(Bare):
    """Refuses each dig. With `read`, first makes the read from which a server learns why."""

    async def post(self) -> None:
        asked = json.loads(self.request.body)
        if self.get_query_argument("read", ""):
            await self.store.tasks.view(asked["code"], asked["unionid"])
        self.reply(error="cooling_down", is_cd=1, time=9, cd_until=0)


class Same(RequestHandler):
    """Writes the bytes that were PUT under the same path before."""

    bodies: ClassVar[dict[str, bytes]] = {}

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")

    def put(self, name: str) -> None:
        self.bodies[name] = self.request.body

    def get(self, name: str) -> None:
        self.write(self.bodies[name])


async def main(port: int, uri: str = "") -> None:
    set_up_logging()
    given = {"store": Store(uri)} if uri else {}
    paths = {
        "/getTaskList": TaskList,
        "/getTaskDetails": TaskDetails,
        "/getTaskUser": TaskUser,
        "/postTask": Dig,
    }
    routes: list[tuple[Any, ...]] = [(path, handler, given) for path, handler in paths.items()]
    Application([*routes, (r"/same/(\w+)", Same)]).listen(port, "127.0.0.1")
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
