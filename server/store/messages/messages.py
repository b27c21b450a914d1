"""Messages to people who left: `messages`, one document each, and their consents: `consents`.

waiting → sending → sent | refused | failed | unclear; a message that is no use any more becomes moot or late.
A message that WeChat did not take goes back to waiting.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from server.settings.messages import MessageKind
from server.store.documents import Documents, index
from server.store.due import DUE_INDEX, DueDocuments
from server.store.pipelines import NOW_MS, Document, begins_with

# - sent: WeChat took it.
# - refused: the person withdrew their consent.
# - failed: WeChat does not know the person.
# - unclear: nobody knows whether WeChat took it.
# - moot: nobody needs it any more.
# - late: its time is over.
MessageEnd: TypeAlias = Literal["sent", "refused", "failed", "unclear", "moot", "late"]
MessageState: TypeAlias = Literal["waiting", "sending"] | MessageEnd
_OPEN = ["waiting", "sending"]
# The most consents of a person for one template that are counted, since people may agree again and again.
MOST_CONSENTS = 50


class Message(TypedDict):
    """Times are unix ms, 0 for never. After `until` the message is of no use. `prize` is the id of the prize
    that it is about, or "".

    `after` and `last` are there if a message is not sent itself but stands for one to each follower. These
    have been written up to the follower with the number `after`; `last` is the highest number. `asleep` is
    there while it waits for a consent. `unsure` is there if WeChat may have taken it although we got no
    answer. `failing_since` and `alarm` say since when, and why, WeChat does not take the message.
    """

    _id: str
    kind: MessageKind
    code: str
    person_id: str
    prize: str
    state: MessageState
    tries: int
    until: int
    created_at: int
    ended_at: int
    alarm: str
    after: NotRequired[int]
    last: NotRequired[int]
    asleep: NotRequired[int]
    unsure: NotRequired[int]
    failing_since: NotRequired[int]
    due_at: NotRequired[int]


class Messages(DueDocuments[Message]):
    """Reads and writes of `messages`. Each change is one update, conditional on the state before it."""

    NAME = "messages"
    INDEXES = (
        index("newest_of_person", "person_id -created_at"),
        index("alarm", "alarm", only={"alarm": {"$gt": ""}}),
        index("ended", "ended_at", only={"ended_at": {"$gt": 0}}),
        DUE_INDEX,
    )

    async def go_on(self, message: Message, after: int) -> None:
        """Note that a leased message has told all followers up to this number. It is due again."""
        await self.collection.update_one(
            self._leased(message), [{"$set": {"after": after, "due_at": NOW_MS}}]
        )

    async def of_person(self, person_id: str, limit: int) -> list[Message]:
        """Return the newest messages to a person."""
        return await self.in_order({"person_id": person_id}, "-created_at", limit)

    async def renew(self, message: Message) -> None:
        """Write a message again, if the one before has ended."""
        fields = {name: value for name, value in message.items() if name != "_id"}
        await self.collection.update_one(
            {"_id": message["_id"], "ended_at": {"$gt": 0}},
            {"$set": fields, "$unset": {"asleep": "", "unsure": "", "failing_since": ""}},
        )

    async def open_number(self, keys: list[str]) -> int:
        """Return how many of these messages have not ended."""
        return await self.rows.count_documents({"_id": {"$in": keys}, "state": {"$in": _OPEN}})

    async def unsent_number(self, keys: list[str]) -> int:
        """Return how many of these messages are not noted as sent."""
        return await self.rows.count_documents({"_id": {"$in": keys}, "state": {"$ne": "sent"}})

    async def begin_sending(self, message: Message) -> bool:
        """Note that a leased message is about to be sent; False if another process has it now."""
        begun: Document = {"state": "sending", **({"unsure": 1} if message["state"] == "sending" else {})}
        changed = await self.collection.update_one(
            self._leased(message), {"$set": begun, "$inc": {"tries": 1}, "$unset": {"asleep": ""}}
        )
        return changed.modified_count == 1

    async def sleep(self, message: Message, until_ms: int) -> None:
        """Let a leased message wait for a consent, at most until `until_ms`. If it was woken since, it stays
        due."""
        await self.collection.update_one(
            self._leased(message), {"$set": {"state": "waiting", "due_at": until_ms, "asleep": 1}}
        )

    async def wake(self, person_id: str, kinds: list[MessageKind]) -> None:
        """Make due what waits for a person's consent."""
        await self.collection.update_many(
            {"person_id": person_id, "kind": {"$in": kinds}, "asleep": 1},
            [{"$set": {"due_at": NOW_MS}}, {"$unset": "asleep"}],
        )

    async def hasten(self, code: str, due_at_ms: int) -> None:
        """Let the reminders of a task's opening come at this time, if they would come later."""
        later = {"_id": begins_with(f"cooldown_over:{code}:"), "due_at": {"$gt": due_at_ms}}
        await self.collection.update_many(later, {"$set": {"due_at": due_at_ms}})

    async def postpone(self, message: Message, due_at_ms: int, until_ms: int) -> None:
        """Look at a leased message again at `due_at_ms`; it is of use until `until_ms` at least."""
        later = {"$set": {"due_at": due_at_ms}, "$max": {"until": until_ms}}
        await self.collection.update_one(self._leased(message), later)

    async def try_later(
        self, message: Message, due_at_ms: int, failing_since_ms: int, alarm: str, *, unsure: bool
    ) -> None:
        """Note that WeChat did not take a message, or, if `unsure`, that nobody knows whether it did."""
        noted = {"state": "waiting", "due_at": due_at_ms, "failing_since": failing_since_ms, "alarm": alarm}
        await self.collection.update_one(
            {"_id": message["_id"], "state": "sending", "due_at": message.get("due_at")},
            {"$set": {**noted, **({"unsure": 1} if unsure else {})}},
        )

    async def end(self, message: Message, end: MessageEnd, now_ms: int) -> bool:
        """Note how a message ended; False if that is known already."""
        changed = await self.collection.update_one(
            {"_id": message["_id"], "state": {"$in": _OPEN}},
            {
                "$set": {"state": end, "ended_at": now_ms, "alarm": ""},
                "$unset": {"due_at": "", "asleep": "", "failing_since": ""},
            },
        )
        return changed.modified_count == 1

    async def unclear_number(self, since_ms: int) -> int:
        """Return how many messages ended as `unclear` since then."""
        return await self.collection.count_documents({"ended_at": {"$gt": since_ms}, "state": "unclear"})

    async def delete_ended(self, before_ms: int) -> None:
        """Delete the messages that ended before a time."""
        await self.collection.delete_many({"ended_at": {"$gt": 0, "$lt": before_ms}})

    def _leased(self, message: Message) -> Document:
        """Return the condition that nobody has touched a message since it was leased."""
        return {"_id": message["_id"], "state": message["state"], "due_at": message.get("due_at")}


class Consent(TypedDict):
    """How many messages of a template a person still allows. `_id` is "person_id:template_id".

    `held` has the messages for which a consent is reserved. Some are still to be sent. Of the others nobody
    knows whether WeChat took them, because their process died before it noted that.
    """

    _id: str
    person_id: str
    left: int
    held: NotRequired[list[str]]


class Consents(Documents[Consent]):
    """Reads and writes of `consents`. WeChat counts too, and its count decides."""

    NAME = "consents"
    INDEXES = (index("of_person", "person_id"),)

    async def add(self, person_id: str, template_id: str) -> None:
        """Note that a person allows one more message."""
        fewer = {"_id": _key(person_id, template_id), "left": {"$lt": MOST_CONSENTS}}
        one_more = {"$inc": {"left": 1}, "$set": {"person_id": person_id}}
        if not await self.upserts(fewer, one_more):  # there are MOST_CONSENTS, or another process was first
            await self.upserts(fewer, one_more)

    async def left(self, person_id: str, template_ids: list[str]) -> dict[str, int]:
        """Return how many messages a person still allows, by template; 0 if a template is missing."""
        keys = [_key(person_id, template_id) for template_id in template_ids]
        found = await self.collection.find({"_id": {"$in": keys}}, {"left": 1}).to_list(len(keys))
        return {consent["_id"].rpartition(":")[2]: consent["left"] for consent in found}

    async def willing(self, person_ids: list[str], template_id: str) -> set[str]:
        """Return which of these people still allow a message."""
        keys = [_key(person_id, template_id) for person_id in person_ids]
        asked = {"_id": {"$in": keys}, "left": {"$gt": 0}}
        willing = self.collection.find(asked, {"person_id": 1}, batch_size=len(keys) + 1)
        found = await willing.to_list(len(keys))
        return {consent["person_id"] for consent in found}

    async def find(self, person_id: str, template_id: str) -> Consent | None:
        """Return what a person still allows of a template, None if there is no entry."""
        return await self.collection.find_one({"_id": _key(person_id, template_id)})

    async def take(self, person_id: str, template_id: str, message_id: str) -> bool:
        """Reserve a consent for a message; False if there was none.

        A message keeps a consent that is already reserved for it.
        """
        key = _key(person_id, template_id)
        taken = await self.collection.update_one(
            {"_id": key, "left": {"$gt": 0}, "held": {"$ne": message_id}},
            {"$inc": {"left": -1}, "$push": {"held": message_id}},
        )
        if taken.modified_count == 1:
            return True
        return await self.rows.find_one({"_id": key, "held": message_id}, {"_id": 1}) is not None

    async def spend(self, person_id: str, template_id: str, message_id: str) -> None:
        """Note that the message for which a consent is reserved was sent."""
        key = _key(person_id, template_id)
        await self.collection.update_one({"_id": key}, {"$pull": {"held": message_id}})

    async def give_back(self, person_id: str, template_id: str, message_id: str) -> None:
        """Free the consent that is reserved for a message, if any: it was not sent."""
        await self.collection.update_one(
            {"_id": _key(person_id, template_id), "held": message_id},
            {"$inc": {"left": 1}, "$pull": {"held": message_id}},
        )

    async def forget(self, person_id: str, template_id: str) -> None:
        """Note that this person has no consent left for this template: WeChat says so."""
        await self.collection.update_one(
            {"_id": _key(person_id, template_id)}, {"$set": {"left": 0, "held": []}}
        )


def _key(person_id: str, template_id: str) -> str:
    return f"{person_id}:{template_id}"
