"""`/wxPush`: what WeChat pushes to this server: results of checks, changes of people, and their chat."""

import asyncio
from typing import Any

from tornado.log import app_log

from handlers.base import Receiver
from server.actions.people.authorization import take_change
from server.actions.reviews.review import take_event
from server.wechat.message_push import ForgedPush

# WeChat waits 5 s for an answer, and then sends the push again.
ANSWER_SECONDS = 4.0


class Pushed(Receiver):
    """GET checks our address, POST brings an event. 200: taken; 403: forged, or not set up; 500: send again.

    What a person writes to customer service goes on to it: WeChat drops what is answered in another way.

    https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
    """

    async def serve(self) -> None:
        """Answer `echostr`, or take an event and answer `success`, or pass a person's message on."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        timestamp = self._asked("timestamp")
        nonce = self._asked("nonce")
        message_push = self.context.message_push
        try:
            if message_push is None:
                raise ForgedPush("message push is not set up")  # noqa: TRY301
            if self.request.method == "GET":
                message_push.check_address(self._asked("signature"), timestamp, nonce)
                self.finish(self._asked("echostr"))
            elif self.request.method == "POST":
                signatures = self._asked("signature"), self._asked("msg_signature")
                event = message_push.read(*signatures, timestamp, nonce, self.request.body)
                async with asyncio.timeout(ANSWER_SECONDS):
                    await take_event(self.context, event)
                    await take_change(self.context, event)
                self.finish(message_push.forward(event) if event.sender else "success")
            else:
                self.set_status(405)
        except ForgedPush as forged:
            app_log.warning("trace_id=%s a push was refused: %s", self.trace_id, forged)
            self.set_status(403)

    def _asked(self, name: str) -> str:
        """Return a parameter of the query, "" if it is missing or no text."""
        return self.request.query_arguments.get(name, [b""])[-1].decode(errors="replace")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer only a status code. After a 500 WeChat sends the event again."""
        self.set_status(status_code if 400 <= status_code < 500 else 500)
        self.finish()
