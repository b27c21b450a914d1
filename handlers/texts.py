"""What WeChat's review of a mini-program asks for: the agreement, the privacy policy, whom to contact, and a
task's rules."""

import msgspec

from handlers.base import Interface, Reply
from handlers.parameters import NoParameters, TaskRequest
from handlers.reviews.shown import require_shown
from server.game.activity import activity_rules


class GetTextsReply(Reply, kw_only=True):
    """Plain texts with line breaks. `contact` is "" if the operator gave none for the page."""

    agreement: str
    privacy: str
    contact: str


class GetTexts(Interface, path="/getTexts"):
    """The operator's texts: the agreement, the privacy policy, and whom to contact."""

    async def answer(self, request: NoParameters) -> GetTextsReply:
        """Return the texts as they were when the server started."""
        settings = self.context.settings
        texts = settings.texts
        return GetTextsReply(agreement=texts.agreement, privacy=texts.privacy, contact=settings.contact)


class ActivityRule(msgspec.Struct):
    """One of a task's rules."""

    title: str
    text: str


class GetRulesReply(Reply, kw_only=True):
    """A task's rules, in the order in which people read them."""

    rules: list[ActivityRule]


class GetRules(Interface, path="/getRules"):
    """A task's rules in words: who gives what, how it is drawn, from when to when, how it is claimed."""

    async def answer(self, request: TaskRequest) -> GetRulesReply:
        """Raises NoSuchTask, and NotShown to those who may not see the task."""
        await self.let_in()
        store = self.context.store
        settings = self.context.settings
        task = await store.page_reads.answered(lambda: store.tasks.get(request.code))
        await require_shown(self.context, request.code, task, self.caller.person_id)
        rules = activity_rules(
            task,
            task_days=settings.task_days,
            claim_days=settings.claim_days,
            contact=settings.contact,
        )
        return GetRulesReply(rules=[ActivityRule(title, text) for title, text in rules])
