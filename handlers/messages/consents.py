"""Messages to people who left: which messages a person may allow or has allowed, and reminders of a
cooldown's end."""

from typing import Annotated

import msgspec

from handlers.base import Interface, Reply
from handlers.limits import limit
from handlers.parameters import PersonRequest, TaskRequest, Unionid
from server.actions.messages.write import remind, subscribe
from server.decoding import named
from server.settings.messages import MessageKind


class OfferedTemplate(msgspec.Struct):
    """A template for `wx.requestSubscribeMessage`. `left`: how many messages the caller still allows."""

    kind: MessageKind
    template_id: str
    left: int


class GetTemplatesReply(Reply, kw_only=True):
    """The templates of this server, [] if it sends no messages."""

    templates: list[OfferedTemplate]


class GetTemplates(Interface, path="/getTemplates"):
    """The messages that the caller may be asked to allow."""

    async def answer(self, request: PersonRequest) -> GetTemplatesReply:
        """Raises what `let_in` raises."""
        await self.let_in()
        templates = self.context.settings.templates
        if not templates:
            return GetTemplatesReply(templates=[])
        ids = {template.template_id for template in templates.values()}
        left = await self.context.store.consents.left(self.caller.person_id, sorted(ids))
        return GetTemplatesReply(
            templates=[
                OfferedTemplate(kind, template.template_id, left.get(template.template_id, 0))
                for kind, template in templates.items()
            ]
        )


class SubscribedRequest(msgspec.Struct):
    """The templates for which `wx.requestSubscribeMessage` answered `accept`: at most five, separated by
    commas."""

    unionid: Unionid
    templates: Annotated[
        str,
        named(
            "订阅消息模板",
            "1 到 5 个模板的编号，用逗号隔开",
            pattern=r"\A[0-9A-Za-z_\-]{20,64}(?:,[0-9A-Za-z_\-]{20,64}){0,4}\Z",
        ),
    ]


class Subscribed(Interface, path="/subscribed", method="POST"):
    """Note that the caller allows one more message of each template. Waiting messages are then sent."""

    async def answer(self, request: SubscribedRequest) -> None:
        """Raises TooOften and what `subscribe` raises."""
        await self.let_in()
        await limit(self.context, self.request, self.caller, {"consents": 1})
        await subscribe(self.context, self.caller.person_id, request.templates.split(","))


class RemindReply(Reply, kw_only=True):
    """`cd_until`: when the cooldown is over."""

    cd_until: int


class Remind(Interface, path="/remind", method="POST"):
    """Send the caller one message when the task's cooldown is over. Safe to repeat."""

    async def answer(self, request: TaskRequest) -> RemindReply:
        """Raises TooOften and what `remind` raises."""
        await self.let_in()
        await limit(self.context, self.request, self.caller, {"consents": 1})
        return RemindReply(cd_until=await remind(self.context, request.code, self.caller.person_id))
