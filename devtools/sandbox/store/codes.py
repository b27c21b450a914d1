"""What the WeChat sandbox remembers: `sandbox_codes` and `sandbox_tokens`.

Times are int64 unix milliseconds that the caller gives. Expired codes and tokens count as absent. Expired
codes are deleted when the next one is added.
"""

from typing import ClassVar, NotRequired, TypedDict

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.store.documents import Documents
from server.store.driver import Database


class LoginCode(TypedDict):
    """If `errcode` is not 0, WeChat answers it each time it is asked about this code."""

    _id: str
    openid: str
    unionid: str | None
    session_key: str
    errcode: int
    used: bool
    expires_at_ms: int


class TokenState(TypedDict):
    """The one access token that is valid for `_id`, an appid. `forced_at_ms`: when renewals were forced."""

    _id: str
    token: str
    expires_at_ms: int
    forced_at_ms: NotRequired[list[int]]


class _Tokens(Documents[TokenState]):
    NAME = "sandbox_tokens"


class SandboxCodes(Documents[LoginCode]):
    """Login codes, each used once, and the access token."""

    NAME = "sandbox_codes"
    INDEXES: ClassVar[list[IndexModel]] = [IndexModel("expires_at_ms")]

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.tokens = _Tokens(database).collection

    async def add_code(self, code: LoginCode, now_ms: int) -> None:
        """Keep a new code, and forget those that have expired."""
        await self.collection.delete_many({"expires_at_ms": {"$lte": now_ms}})
        await self.rows.insert_one(dict(code))

    async def find_code(self, code: str, now_ms: int) -> LoginCode | None:
        """Return a code that has not expired, used or not."""
        return await self.collection.find_one({"_id": code, "expires_at_ms": {"$gt": now_ms}})

    async def use_code(self, code: str, now_ms: int) -> bool:
        """Mark a code as used; True for exactly one caller, False if it has expired."""
        used = await self.collection.update_one(
            {"_id": code, "used": False, "expires_at_ms": {"$gt": now_ms}}, {"$set": {"used": True}}
        )
        return used.modified_count == 1

    async def find_token(self, appid: str, now_ms: int) -> TokenState | None:
        """Return the valid access token, None if there is none."""
        return await self.tokens.find_one({"_id": appid, "expires_at_ms": {"$gt": now_ms}})

    async def forced_at(self, appid: str) -> list[int]:
        """Return the times at which renewals of the token were forced, in order."""
        state = await self.tokens.find_one({"_id": appid})
        return [] if state is None else state.get("forced_at_ms", [])

    async def note_forced(self, appid: str, forced_at_ms: list[int]) -> None:
        """Store when renewals were forced. Does nothing without a stored token."""
        await self.tokens.update_one({"_id": appid}, {"$set": {"forced_at_ms": forced_at_ms}})

    async def replace_token(self, state: TokenState, expiring_before_ms: int) -> TokenState:
        """Store `state` if the stored token expires before that time; return the one that is valid now."""
        try:
            replaced: TokenState = await self.tokens.find_one_and_update(
                {"_id": state["_id"], "expires_at_ms": {"$lt": expiring_before_ms}},
                {"$set": {"token": state["token"], "expires_at_ms": state["expires_at_ms"]}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            return replaced
        except DuplicateKeyError:  # a token that lasts longer is stored
            kept: TokenState | None = await self.tokens.find_one({"_id": state["_id"]})
            return state if kept is None else kept
