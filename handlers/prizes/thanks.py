"""Thanking the giver of a prize."""

from typing import Annotated

import msgspec

from handlers.base import Interface
from handlers.limits import limit
from handlers.parameters import Code, Unionid
from server.actions.prizes.thank import thank
from server.decoding import named
from server.realtime.frames import Sign


class ThankRequest(msgspec.Struct):
    """`sign` is one of those with which people cheer."""

    unionid: Unionid
    code: Code
    sign: Annotated[Sign, named("喝彩", "六种之一")]


class Thank(Interface, path="/thank", method="POST", needs_token=True):
    """Thank the giver of the prize that you won, once. The giver and the treasure's story show it."""

    async def answer(self, request: ThankRequest) -> None:
        """Raises TooOften and what `thank` raises."""
        await self.let_in()
        await limit(self.context, self.request, self.caller, {"consents": 1})
        await thank(self.context, request.code, self.caller.person_id, request.sign)
