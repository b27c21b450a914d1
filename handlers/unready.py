"""The replies of a process that may not serve from the database: they say only that it cannot."""

from collections.abc import Awaitable

from handlers.base import BaseHandler
from handlers.websocket import GOING_AWAY, Socket
from server.errors import Unavailable
from server.realtime.frames import Error, Service, encode


class Unready(BaseHandler):
    """All paths that need the database, while it does not answer at a start, or is not ours."""

    def prepare(self) -> Awaitable[None] | None:
        """Refuse, before a body comes."""
        raise Unavailable


class UnreadySocket(Socket):
    """`/ws` in such a process. It sends and closes as if the store had failed, so the page reconnects
    later."""

    async def open(self, *args: str, **kwargs: str) -> None:
        """Say that the service is down, and close."""
        await super().open()
        refusal = Unavailable()
        told = Error(error=refusal.error, msg=refusal.msg, code="", param="", retry_after=0)
        self.send(encode([Service(state="down"), told]))
        self.leave(GOING_AWAY, refusal.error)
