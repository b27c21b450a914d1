"""Logging in and out, and your numbers, name and picture."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from handlers.base import NOBODY, Interface, ProvenAct, Reply, of_document
from handlers.digging.cards import picture_url
from handlers.limits import limit
from handlers.parameters import OwnRequest, PersonRequest, Unionid
from handlers.people.to_do import ToDo, to_do
from server.actions.people.account import (
    delete_at,
    end_sessions,
    log_in,
    set_profile,
)
from server.actions.people.leave import leave, stay
from server.context import Context
from server.decoding import named
from server.errors import BadLoginCode, BadRequest, BadUserData, Busy, LoginBlocked, TooOften
from server.game.review import ReviewState
from server.memory.limits import Count
from server.security.keys import Proven
from server.security.plain_text import NOT_BLANK, ONE_LINE
from server.settings import Settings
from server.store.people.people import Person, is_named, shown_face, shown_name

# How long a login waits for its turn if many codes from its address are wrong.
TURN_SECONDS = 2.0
BUSY_ADDRESS = "这个网络地址上登录的人太多，请稍后再试"

_Base64 = Meta(min_length=1, max_length=10_000)


class UserLoginRequest(msgspec.Struct):
    """What `wx.login` gave the client. The last two fields are what `wx.getUserProfile` gave old clients."""

    code: Annotated[str, named("登录凭证", "微信登录得到的凭证", min_length=1, max_length=128)]
    iv: Annotated[str, _Base64, named("用户信息的初始向量", "微信授权得到的内容")] | None = None
    encryptedData: (  # noqa: N815
        Annotated[str, _Base64, Meta(title="加密的用户信息", description="微信授权得到的内容")] | None
    ) = None


class User(msgspec.Struct):
    """The person who logged in, and the token that proves their identity from now on.

    `named` is 0 if they have no name of their own: ask for one (`setProfile`) before others are to see it.
    `delete_at` is when their account will be deleted (unix ms), 0 unless they asked for it.
    """

    unionid: str
    openid: str
    nickName: str  # noqa: N815
    avatarUrl: str  # noqa: N815
    gender: int
    city: str
    province: str
    country: str
    named: int
    delete_at: int
    token: str


class UserLoginReply(Reply, kw_only=True):
    """`data` is the record of the person who logged in."""

    data: User


def user_of(context: Context, person: Person) -> User:
    """Return what somebody who logs in is told of themselves."""
    proven = Proven(person["_id"], person["generation"], person["unionid"])
    return of_document(
        User,
        person,
        nickName=shown_name(person),
        avatarUrl=picture_url(context, shown_face(person)),
        named=int(is_named(person)),
        delete_at=delete_at(person),
        token=context.keys.sign_token(proven),
    )


class UserLogin(Interface, path="/userLogin"):
    """Log in with WeChat's code. The code says who logs in; name and picture come from `setProfile`."""

    async def answer(self, request: UserLoginRequest) -> UserLoginReply:
        """Return the person of the code, with a new token.

        Raises what `log_in` raises, BadRequest, TooOften and Busy. Only wrong codes count against
        an address, because thousands of people may share it.
        """
        if request.iv is None and request.encryptedData is not None:
            raise BadRequest("请填写“用户信息的初始向量”，应为微信授权得到的内容", param="iv")
        if request.encryptedData is None and request.iv is not None:
            raise BadRequest("请填写“加密的用户信息”，应为微信授权得到的内容", param="encryptedData")
        # Counted before WeChat is asked, so that parallel tries gain nothing.
        try:
            counted = await limit(self.context, self.request, NOBODY, {"logins": 1})
        except TooOften:
            person = await self._log_in_with_others(request)
        else:
            person = await self._log_in_counted(request, counted)
        return UserLoginReply(data=user_of(self.context, person))

    async def _log_in_counted(self, request: UserLoginRequest, counted: list[Count]) -> Person:
        wrong = False
        try:
            return await self._log_in(request)
        except (BadLoginCode, BadUserData, LoginBlocked):
            wrong = True
            raise
        finally:
            if not wrong:
                self.context.background.spawn(self.context.limits.give_back(counted))

    async def _log_in_with_others(self, request: UserLoginRequest) -> Person:
        """Log in from an address with too many wrong codes: other people there must not be shut out.

        WeChat is asked about few codes of such addresses at once. Raises Busy if the turn does not come in
        time.
        """
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self.context.doubted_logins.acquire()
        except TimeoutError:
            raise Busy(BUSY_ADDRESS) from None
        try:
            return await self._log_in(request)
        finally:
            self.context.doubted_logins.release()

    async def _log_in(self, request: UserLoginRequest) -> Person:
        async def admit(unionid: str) -> None:
            await self.context.limits.take(self.context.limits.counts("logins", unionid, ""))

        return await log_in(self.context, request.code, admit, request.iv, request.encryptedData)


class CashRules(msgspec.Struct):
    """The rules for red packets on this server. `least_cd` is in seconds, `least_gap` in levels,
    `least_diggers` in digs; one red packet, and what several people share, is `most_yuan` at most.

    A limit of 0 means that there is no limit.
    """

    no_credit: Annotated[int, Meta(ge=0, le=1)]
    least_cd: int
    least_gap: int
    least_diggers: int
    most_yuan: int
    private_yuan: int
    newcomer_yuan: int


def _cash_rules(settings: Settings) -> CashRules:
    return CashRules(
        no_credit=settings.cash_no_credit,
        least_cd=settings.cash_least_cd_seconds,
        least_gap=settings.cash_least_gap,
        least_diggers=settings.cash_least_diggers,
        most_yuan=settings.max_red_packet_yuan,
        private_yuan=settings.cash_private_day_yuan,
        newcomer_yuan=settings.cash_newcomer_day_yuan,
    )


class GetMyInfoReply(Reply, kw_only=True):
    """`digging_num`: digs made. `release_num`: tasks published. `partake_num`: different tasks dug. Of digs
    and of published tasks 10,000 are counted at most, of digs the newest.

    `expected_wins` is how many prizes the caller's digs win by their chances, `wins_counted` how many they
    won.

    `review` is that of the name and picture chosen last: others see them once it is "shown".
    `red_packets` is 0 where nobody can publish any, and with `cash` is left out where there are goods only;
    `fair_start_ms` is as in a task's details; a task lasts for `task_days` at most. `delete_at`
    is when the account will be deleted (unix ms), 0 unless its owner asked for it. `to_do` is what waits for
    the caller, at most 50.
    """

    digging_num: int
    release_num: int
    partake_num: int
    expected_wins: float
    wins_counted: int
    red_packets: Annotated[int, Meta(ge=0, le=1)] | UnsetType = UNSET
    cash: CashRules | UnsetType = UNSET
    fair_start_ms: int
    task_days: int
    delete_at: int
    review: ReviewState
    review_note: str
    to_do: list[ToDo]


class GetMyInfo(Interface, path="/getMyInfo"):
    """The caller's numbers of digs and tasks."""

    async def answer(self, request: PersonRequest) -> GetMyInfoReply:
        person = await self.let_in()
        settings = self.context.settings
        numbers = await self.context.store.digs.numbers(self.caller.person_id)
        released = await self.context.store.tasks.released_number(self.caller.person_id)
        review = None
        if settings.checks_content:
            review = await self.context.store.reviews.of_profile(self.caller.person_id)
        state: ReviewState = "shown" if review is None else review["state"]
        if review is not None and state == "shown":  # it is deleted once others see what was chosen
            state = "checking"
        return GetMyInfoReply(
            digging_num=numbers.digs,
            release_num=released,
            partake_num=numbers.tasks,
            expected_wins=round(numbers.chances, 2),
            wins_counted=numbers.wins,
            red_packets=int(settings.takes_cash) if settings.cash else UNSET,
            cash=_cash_rules(settings) if settings.cash else UNSET,
            fair_start_ms=settings.fair_start_ms,
            task_days=settings.task_days,
            delete_at=delete_at(person),
            review=state,
            review_note="" if review is None else review["why"],
            to_do=await to_do(self.context, self.caller.person_id),
        )


class SetProfileRequest(msgspec.Struct):
    """Your name and picture. You choose them yourself, because WeChat no longer gives them.

    They are set for the owner of the token. One of the two may be left out; it then stays as it is.
    """

    wxname: (
        Annotated[str, named("名字", "1 到 32 个字", max_length=32, pattern=NOT_BLANK, extra=ONE_LINE)] | None
    ) = None
    wxheadpic: (
        Annotated[str, named("头像", "自己在这里上传过的图片", min_length=1, max_length=500)] | None
    ) = None
    unionid: Unionid | None = None


class SetProfileReply(Reply, kw_only=True):
    """`review` is "shown" if others see it from now on, "checking" if WeChat checks it first."""

    review: ReviewState


class SetProfile(Interface, path="/setProfile", method="POST", needs_token=True):
    """Choose the name and picture that others see from now on."""

    async def answer(self, request: SetProfileRequest) -> SetProfileReply:
        """Raises Banned, TooOften and what `set_profile` raises."""
        await self.active_person()
        await limit(self.context, self.request, self.caller, {"profiles": 1})
        review = await set_profile(self.context, self.caller.person_id, request.wxname, request.wxheadpic)
        return SetProfileReply(review=review)


class Logout(Interface, path="/logout", method="POST", needs_token=True):
    """End all tokens of the caller, on all devices, and close the connections that they opened."""

    async def answer(self, request: OwnRequest) -> None:
        """Safe to repeat, with another token."""
        await end_sessions(self.context, await self.person())


class DeleteAccountReply(Reply, kw_only=True):
    """`delete_at` is when the account will be deleted (unix ms); `/keepAccount` keeps it until then."""

    delete_at: int


class DeleteAccount(ProvenAct, path="/deleteAccount"):
    """Delete the caller's account in seven days, and end their tokens. A second request changes no date."""

    async def answer(self, request: OwnRequest) -> DeleteAccountReply:
        """Raises TooOften, and CannotLeave while something of the caller's is under way."""
        person = await self.person()
        await limit(self.context, self.request, self.caller, {"profiles": 1})
        return DeleteAccountReply(delete_at=await leave(self.context, person))


class KeepAccount(ProvenAct, path="/keepAccount"):
    """Keep the caller's account after all. Safe to repeat."""

    async def answer(self, request: OwnRequest) -> None:
        """Raises TooOften, and BadToken once the account is being deleted."""
        person = await self.person()
        await limit(self.context, self.request, self.caller, {"profiles": 1})
        await stay(self.context, person)
