"""The people who have logged in: `people`, by an id of ours. Only here stand WeChat's ids of them."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import ClassVar, NotRequired, TypedDict

import pymongo
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.game.amounts import FOLLOWED_MS
from server.game.given_names import given_name
from server.security.random_codes import new_person_id
from server.store.digging.terms import asked_terms, terms_of
from server.store.documents import index
from server.store.driver import aggregate
from server.store.due import DUE_INDEX, DueDocuments
from server.store.pipelines import NOW_MS, Document, look_up

# The name that WeChat has given for everybody since 2022.
WECHAT_USER = "微信用户"
# In the addresses of the grey pictures that WeChat gives in place of a person's own: of getUserProfile since
# 2022, and of the sample in its documentation of 头像昵称填写.
FACELESS = (
    "/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/",
    "/icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg/",
)


class Ban(TypedDict):
    """Why somebody is banned, since when and until when (unix ms; 0: until the ban is lifted)."""

    reason: str
    at: int
    until: int


class Chosen(TypedDict):
    """A name, a picture or both that a person chose and others do not see yet.

    `key` is the key of its review, `number` counts the person's choices.
    """

    key: str
    number: int
    wxname: NotRequired[str]
    wxheadpic: NotRequired[str]


class Leaving(TypedDict):
    """A person's request to delete their account: when it came, until when they can take it back (unix ms).

    `due_at` is when the deletion is tried next.
    """

    at: int
    until: int
    due_at: int


class Login(TypedDict):
    """What a login says of a person: WeChat's `nickName` and `avatarUrl`, "" if WeChat was not asked.

    `unionid` is kept as their first login wrote it. It is their id on the wire, and nowhere else.
    """

    unionid: str
    openid: str
    nickName: str
    avatarUrl: str
    gender: int
    city: str
    province: str
    country: str


class Person(Login):
    """`wxname` and `wxheadpic` are what the person chose in place of WeChat's; `wxheadpic` is a path of ours.
    `chosen` is a later choice that is not shown yet, `choices` is how often they chose. `terms` are the terms
    by which a search finds the name that others see.

    `locked`: their bare id is refused. `generation` is that of the person's valid tokens; older ones were
    ended at `ended_at` (unix ms). `banned` may be over: see `check_ban`. `trusted` is as in `is_trusted`.
    `created_at` is their first login (unix ms). `erasing` is there while the person is being erased: 1, then
    2 from when others may notice: see `server/actions/people/erase.py`. `leaving` is there from a request to
    delete the account until the person takes it back. `due_at` is there until what they chose is submitted to
    review. `followed` is how often somebody began to follow them. The number `n` of such a follow is never
    higher. `layers` is how many layers of finds were whole when they last opened their book. `forgotten` is 1
    once WeChat had us forget their name: what they dug until then never shows another. `naming_at` is there
    from a first name until it is sure that it stands in all that was dug before it.
    """

    _id: str
    terms: list[str]
    generation: int
    created_at: int
    wxname: NotRequired[str]
    wxheadpic: NotRequired[str]
    chosen: NotRequired[Chosen]
    choices: NotRequired[int]
    locked: NotRequired[bool]
    ended_at: NotRequired[int]
    banned: NotRequired[Ban]
    trusted: NotRequired[int]
    erasing: NotRequired[int]
    forgotten: NotRequired[int]
    leaving: NotRequired[Leaving]
    due_at: NotRequired[int]
    naming_at: NotRequired[int]
    followed: NotRequired[int]
    layers: NotRequired[int]


# The fields of a person's record that decide whether they are admitted.
ADMITTING = ("_id", "locked", "generation", "banned", "leaving", "erasing")
# How long one process has for an erasure, and after how long an erasure that had to wait is tried again.
ERASING_MS = 10 * 60_000
# The fields that say what a person chose and others do not see yet, and that it has to be submitted.
_CHOICE = {"chosen": "", "due_at": ""}
# Whether a person never had a name of their own, within a pipeline.
_NEVER_NAMED: Document = {
    "$and": [
        {"$eq": [{"$type": "$wxname"}, "missing"]},
        {"$in": ["$nickName", ["", WECHAT_USER]]},
        {"$eq": [{"$type": "$forgotten"}, "missing"]},
    ]
}
# Ends tokens, within a pipeline.
_ENDED: Document = {
    "generation": {"$add": ["$generation", 1]},
    "ended_at": NOW_MS,
    "locked": True,
}


class People(DueDocuments[Person]):
    """Reads and writes of `people`."""

    NAME = "people"
    # These indexes make two first logins at the same moment one person. If `people` is sharded, they cannot
    # be unique.
    MAY_REPEAT: ClassVar[frozenset[str]] = frozenset({"openid_once", "unionid_once"})
    INDEXES = (
        index("openid_once", "openid", unique=True),
        index("unionid_once", "unionid", unique=True, sparse=True),
        IndexModel([("terms", 1), ("created_at", -1)], name="named"),
        index("tokens_ended", "ended_at", there="ended_at"),
        index("picture", "wxheadpic", there="wxheadpic"),
        index("leaving", "leaving.due_at", there="leaving.due_at"),
        index("naming", "naming_at", there="naming_at"),
        DUE_INDEX,
    )

    async def ids_of(self, unionids: list[str]) -> dict[str, str]:
        """Return the ids of the people whom these unionids name on the wire, but for who is being erased."""
        wanted = {"unionid": {"$in": unionids}, "erasing": None}
        found = self.rows.find(wanted, {"unionid": 1}, batch_size=len(unionids) + 1)
        return {row["unionid"]: row["_id"] for row in await found.to_list(len(unionids))}

    async def note_layers(self, person_id: str, layers: int) -> None:
        """Note how many layers of finds are whole in a person's book."""
        await self.collection.update_one({"_id": person_id}, {"$max": {"layers": layers}})

    async def count_follow(self, person_id: str) -> None:
        """Note that one more person begins to follow this one."""
        await self.collection.update_one({"_id": person_id}, {"$inc": {"followed": 1}})

    async def pictures_among(self, paths: list[str]) -> set[str]:
        """Return which of these paths are the pictures of people."""
        return set(await self.collection.distinct("wxheadpic", {"wxheadpic": {"$in": paths}}))

    async def names(self, person_ids: Iterable[str]) -> dict[str, str]:
        """Return the names that others see of these people, if they exist, by their id."""
        wanted = sorted({each for each in person_ids if each})
        found = await self.find_all(wanted, {"wxname": 1, "nickName": 1})
        return {row["_id"]: shown_name(row) for row in found}

    async def search(self, text: str, limit: int, now_ms: int) -> list[Person]:
        """Return the newest people with this text in the name that others see."""
        terms = asked_terms(text)
        return await self.newest_with(terms, limit, now_ms, "created_at") if terms else []

    async def find_admissions(self, person_ids: list[str]) -> list[Person]:
        """Return what decides whether these people are admitted: their ADMITTING fields, as far as they
        exist. A person who is not known is left out."""
        return await self.find_all(person_ids, dict.fromkeys(ADMITTING, 1))

    async def lock(self, person_id: str) -> Person | None:
        """Refuse a person's bare id from now on; return their record, None if unknown."""
        return await self.find_one_and_update({"_id": person_id}, {"$set": {"locked": True}})

    async def find_with_last_opened(self, person_id: str) -> tuple[Person | None, str | None]:
        """Return the person, and the code of the task whose details they opened last."""
        last: list[Document] = [{"$sort": {"opened_at": pymongo.DESCENDING}}, {"$limit": 1}]
        pipeline: list[Document] = [
            {"$match": {"_id": person_id}},
            {"$replaceRoot": {"newRoot": {"person": "$$ROOT"}}},
            look_up("visits", "person._id", "opened", *last, field="person_id"),
        ]
        found = await aggregate(self.rows, pipeline, 1)
        if not found:
            return None, None
        return found[0]["person"], next((visit["code"] for visit in found[0]["opened"]), None)

    async def with_openid(self, openid: str) -> Person | None:
        """Return the person of this openid."""
        return await self.collection.find_one({"openid": openid})

    async def save(self, person: Login, *, told: bool = True) -> Person:
        """Write what WeChat said at a login; what the person chose is kept. Returns the whole record.

        Unless `told`, WeChat said only who the person is: then the other fields are kept too, and written
        only for a new person. A new record begins with a new generation, so that old tokens stay ended if
        somebody comes back after being erased.
        """
        fields: Document = {name: value for name, value in person.items() if name != "unionid"}
        said = fields if told else {"openid": person["openid"]}
        # Search terms of WeChat's name: they count only if the person has chosen no name.
        name = person["nickName"] if person["nickName"] != WECHAT_USER else ""
        terms = {"terms": terms_of(name, "")}
        unnamed: Document = {"$eq": [{"$type": "$wxname"}, "missing"]}
        # By MongoDB's clock, as `ended_at` is: a machine's own clock may be wrong by hours.
        begun = {"generation": {"$toLong": {"$divide": [NOW_MS, 1000]}}, "created_at": NOW_MS}
        first = {"$mergeObjects": [{"$literal": dict(person) | terms | {"_id": new_person_id()}}, begun]}
        is_new = {"$eq": [{"$type": "$generation"}, "missing"]}
        began = {"$cond": [is_new, first, {}]}
        found_by = {"$cond": [unnamed, {"$literal": terms}, {}]} if told else {}
        merged = {"$mergeObjects": ["$$ROOT", began, {"$literal": said}, found_by]}
        saved: Person | None = None
        who: Document = {"unionid": person["unionid"]}
        while saved is None:
            try:
                saved = await self.find_one_and_update(who, [{"$replaceWith": merged}], upsert=True)
            except DuplicateKeyError:  # another first login wrote the record just now, perhaps by another id
                written = await self.with_openid(person["openid"])
                who = {"_id": written["_id"]} if written else who
        return saved

    async def set_profile(self, person_id: str, wxname: str | None, wxheadpic: str | None) -> None:
        """Write the name or the picture that the person chose, or both; at least one is not None.

        An earlier choice that nobody saw is forgotten.
        """
        await self.collection.update_one({"_id": person_id}, _showing(wxname, wxheadpic))

    async def choose(
        self, person_id: str, key: str, wxname: str | None, wxheadpic: str | None
    ) -> Person | None:
        """Note what a person chose, with what they chose before and nobody sees yet; return their record.

        The person's record is due until `note_submitted`.
        """
        given = {"key": key}
        if wxname is not None:
            given["wxname"] = wxname
        if wxheadpic is not None:
            given["wxheadpic"] = wxheadpic
        number: Document = {"$add": [{"$ifNull": ["$choices", 0]}, 1]}
        chosen: Document = {"$mergeObjects": ["$chosen", {"$literal": given}, {"number": number}]}
        return await self.find_one_and_update(
            {"_id": person_id},
            [{"$set": {"chosen": chosen, "choices": number, "due_at": {"$add": [NOW_MS, FOLLOWED_MS]}}}],
        )

    async def note_submitted(self, person_id: str, number: int) -> None:
        """Note that a person's choice is in review, unless they chose something else since."""
        await self.collection.update_one(
            {"_id": person_id, "chosen.number": number}, {"$unset": {"due_at": ""}}
        )

    async def show_choice(
        self, person_id: str, number: int, wxname: str | None, wxheadpic: str | None
    ) -> None:
        """Let others see what a person chose, unless they chose something else since.

        A name or picture from WeChat's data is no choice: its `number` is 0.
        """
        last = {"chosen.number": number} if number else {"chosen": {"$exists": False}}
        await self.collection.update_one({"_id": person_id, **last}, _showing(wxname, wxheadpic))

    async def drop_choice(self, person_id: str, number: int) -> None:
        """Forget what a person chose, unless they chose something else since."""
        await self.collection.update_one({"_id": person_id, "chosen.number": number}, {"$unset": _CHOICE})

    async def end_tokens(self, person_id: str, generation: int) -> Person | None:
        """End the person's tokens of this generation, and lock the person. Return the record, None if the
        tokens had ended.

        Without the lock, a bare id would be a way around a logout.
        """
        return await self.find_one_and_update(
            {"_id": person_id, "generation": generation},
            [{"$set": {"generation": generation + 1, "ended_at": NOW_MS, "locked": True}}],
        )

    async def ban(self, person_id: str, ban: Ban) -> Person | None:
        """Ban a person, and end their tokens in the same write, so that every process drops the record it
        cached.

        Returns the record, None if there is no such person.
        """
        banned = {**_ENDED, "banned": {"$literal": dict(ban)}}
        return await self.find_one_and_update({"_id": person_id}, [{"$set": banned}])

    async def lift_ban(self, person_id: str) -> None:
        """Let a person act again."""
        await self.collection.update_one({"_id": person_id}, {"$unset": {"banned": ""}})

    async def trust(self, person_id: str, *, trusted: bool) -> None:
        """Note whether an operator trusts a publisher."""
        change = {"$set": {"trusted": 1}} if trusted else {"$unset": {"trusted": ""}}
        await self.collection.update_one({"_id": person_id}, change)

    async def is_trusted(self, person_id: str) -> bool:
        """Whether an operator trusts a publisher: no limit of a day then holds for all that they pay."""
        return await self.rows.find_one({"_id": person_id, "trusted": 1}, {"_id": 1}) is not None

    async def ended_since(self, at_ms: int) -> dict[str, int]:
        """Return the people whose tokens were ended since a time (unix ms), each with the valid
        generation."""
        found = self.collection.find({"ended_at": {"$gte": at_ms}}, {"generation": 1})
        return {person["_id"]: person["generation"] for person in await found.to_list(None)}

    async def lock_out(self, person: Person) -> bool:
        """Note that a person is being erased, and end all tokens.

        Returns False if the record is gone, or if the person asked to be deleted, or took that back, since
        `person` was read.
        """
        until = person["leaving"]["until"] if "leaving" in person else None
        may_be = {"$or": [{"erasing": {"$exists": True}}, {"leaving.until": until}]}
        noted = {**_ENDED, "erasing": {"$ifNull": ["$erasing", 1]}}
        return await self.find_one_and_update({"_id": person["_id"], **may_be}, [{"$set": noted}]) is not None

    async def ask_to_leave(self, person_id: str, until_ms: int) -> Person | None:
        """Note that a person's account will be deleted at `until_ms`, and end their tokens; None if that was
        noted already.

        Both are one write, so that every process drops the record it cached.
        """
        leaving = {"at": NOW_MS, "until": until_ms, "due_at": until_ms}
        return await self.find_one_and_update(
            {"_id": person_id, "leaving": {"$exists": False}, "erasing": {"$exists": False}},
            [{"$set": {**_ENDED, "leaving": leaving}}],
        )

    async def stay(self, person_id: str) -> bool:
        """Note that a person keeps their account. Return False if they are not leaving, or if it is too
        late."""
        kept = await self.collection.update_one(
            {"_id": person_id, "leaving": {"$exists": True}, "erasing": {"$exists": False}},
            {"$unset": {"leaving": ""}},
        )
        return kept.modified_count == 1

    def lease_leaving(self, now_ms: Callable[[], int]) -> AsyncIterator[Person]:
        """Lease and yield people whose days to keep their account are over, or whose erasure was cut off."""
        return self.lease_due(now_ms, field="leaving.due_at", lasts_ms=ERASING_MS)

    async def cut_waits(self, now_ms: int, set_back_ms: int, field: str = "due_at") -> None:
        """Do so for what people chose; people whose erasure was leased are due once their days are over."""
        await super().cut_waits(now_ms, set_back_ms)
        await super().cut_waits(now_ms, set_back_ms, "naming_at")
        ahead = {"$gt": now_ms, "$lte": now_ms + set_back_ms + ERASING_MS}
        await self.collection.update_many(
            {"leaving.due_at": ahead}, [{"$set": {"leaving.due_at": "$leaving.until"}}]
        )

    async def let_in(self, person_id: str) -> None:
        """Undo `lock_out`, unless `begin_erasing` was called."""
        await self.collection.update_one({"_id": person_id, "erasing": 1}, {"$unset": {"erasing": ""}})

    async def begin_erasing(self, person_id: str) -> None:
        """Note that the person's name is about to go: there is no way back."""
        await self.collection.update_one({"_id": person_id}, {"$set": {"erasing": 2}})

    async def delete_erased(self, person_id: str) -> None:
        """Delete the record of a person whose name stands nowhere else any more."""
        await self.collection.delete_one({"_id": person_id, "erasing": 2})


def _showing(wxname: str | None, wxheadpic: str | None) -> list[Document]:
    """Return the update that lets others see a name, a picture or both, in place of any earlier choice.

    A first name is due to be written into earlier digs once nobody digs without it any more.
    """
    given: Document = {} if wxheadpic is None else {"wxheadpic": wxheadpic}
    first: Document = {}
    if wxname is not None:
        given |= {"wxname": wxname, "terms": terms_of(wxname, "")}
        first = {"$cond": [_NEVER_NAMED, {"naming_at": {"$add": [NOW_MS, FOLLOWED_MS]}}, {}]}
    shown = {"$mergeObjects": ["$$ROOT", {"$literal": given}, first]}
    return [{"$replaceWith": shown}, {"$unset": list(_CHOICE)}]


def shown_name(person: Person) -> str:
    """Return the name that others see."""
    chosen = person.get("wxname") or person["nickName"]
    return chosen if is_named(person) else given_name(person["_id"])


def shown_face(person: Person) -> str:
    """Return the picture that others see: a path of ours or an address of WeChat's, "" if there is none."""
    given = person["avatarUrl"]
    return person.get("wxheadpic") or ("" if any(grey in given for grey in FACELESS) else given)


def is_named(person: Person) -> bool:
    """Whether a person has a name of their own."""
    return bool(person.get("wxname")) or person["nickName"] not in ("", WECHAT_USER)
