"""One call to WeChat's API: the one retry, and what its error codes mean to a person.

It knows no particular interface. Addresses and bodies contain the secret, login codes and tokens, so no log
line or error here shows one.
"""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TypeVar

import httpx
import msgspec

from server.decoding import decode
from server.errors import BadLoginCode, LoginBlocked, Refusal, WeChatBusy
from server.wechat.connection import Connection, timed

SYSTEM_BUSY = -1
# There was no connection, so WeChat was not asked.
_NOT_ASKED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

# Calls that WeChat refuses, but for a bad login code, only if our own settings are wrong.
_ABOUT_NOBODY = ("/sns/jscode2session", "/cgi-bin/stable_token")

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer", bound=msgspec.Struct)

# https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html 45011 becomes WeChatBusy, not
# `too_many`: HTTP 429 would say that our interface did nothing, but it has asked WeChat.
_REFUSALS: dict[int, tuple[type[Refusal], str | None]] = {
    SYSTEM_BUSY: (WeChatBusy, None),
    40029: (BadLoginCode, None),
    40163: (BadLoginCode, "登录凭证已经用过了，请重新登录"),
    40226: (LoginBlocked, None),
    41008: (BadLoginCode, None),
    # WeChat says "daily quota" of a minute's limit as well, as its people answer:
    # https://developers.weixin.qq.com/community/develop/doc/0000c6c3874600050f8d3158f53c00
    45009: (WeChatBusy, "向微信请求的次数太多，请过几分钟再试，还不行就明天再试"),
    45011: (WeChatBusy, "登录太频繁，请等一分钟再试"),
}


class WeChatError(Exception):
    """WeChat answered an error code that a person can do nothing about: wrong settings, or our bug."""

    def __init__(self, path: str, errcode: int, errmsg: str) -> None:
        self.errcode = errcode
        super().__init__(f"{path} answered {errcode}: {errmsg[:200]}")


class Unanswered(WeChatBusy):
    """WeChat may have been asked and gave no usable answer, so nobody knows whether it acted."""


class _Failure(msgspec.Struct):
    """The answer to a failed call. In a successful one `errcode` is missing or 0."""

    errcode: int = 0
    errmsg: str = ""


class Api(Connection):
    """The connections to the API of mini-programs."""

    async def read(
        self,
        method: str,
        path: str,
        kind: type[_Answer],
        parameters: Mapping[str, str],
        body: Mapping[str, object] | None = None,
    ) -> _Answer:
        """Return the answer as a `kind`. Raises what `call` raises; Unanswered if the answer is no `kind`."""
        with _timed(path):
            content = await self._call(method, path, parameters, body)
            try:
                return decode(content, kind)
            except ValueError:  # msgspec's errors, and UnicodeDecodeError
                _log.warning("WeChat's %s did not answer what its documentation says", path)
                raise Unanswered from None

    async def call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: Mapping[str, object] | None = None,
    ) -> bytes:
        """Return the body of a successful answer, JSON or not.

        If WeChat says that it is busy, it is asked once more. Raises the refusal for WeChat's error code,
        or WeChatError if the code has none. Raises WeChatBusy if WeChat is not reached, Unanswered if no
        usable answer came in time.
        """
        with _timed(path):
            return await self._call(method, path, parameters, body)

    async def _call(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, object] | None
    ) -> bytes:
        content = await self._send(method, path, parameters, body)
        failure = _failure(path, content)
        if failure.errcode == SYSTEM_BUSY:
            content = await self._send(method, path, parameters, body)
            failure = _failure(path, content)
        if failure.errcode == 0:
            return content
        if failure.errcode not in _REFUSALS:
            raise WeChatError(path, failure.errcode, failure.errmsg)
        refusal, msg = _REFUSALS[failure.errcode]
        raise refusal(msg)

    async def _send(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, object] | None
    ) -> bytes:
        try:
            response = await self.request(method, path, params=parameters, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            _log.warning("WeChat's %s does not answer: %s", path, type(error).__name__)
            raise (WeChatBusy if isinstance(error, _NOT_ASKED) else Unanswered) from None
        if response.status_code != httpx.codes.OK:  # WeChat says what went wrong in the body of a 200
            _log.warning("WeChat's %s answered HTTP %d", path, response.status_code)
            raise Unanswered
        return response.content


def _timed(path: str) -> AbstractContextManager[None]:
    """Time a call under WeChat's name for it, which is the end of its path."""
    if path in _ABOUT_NOBODY:
        return timed(path.rpartition("/")[2], lambda error: isinstance(error, (BadLoginCode, LoginBlocked)))
    return timed(path.rpartition("/")[2], lambda error: isinstance(error, WeChatError))


def _failure(path: str, content: bytes) -> _Failure:
    """Return an answer's error code. Its Content-Type says nothing reliable, so look at the bytes."""
    if not content.lstrip().startswith(b"{"):
        return _Failure()
    try:
        return decode(content, _Failure)
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        _log.warning("WeChat's %s answered broken JSON", path)
        raise Unanswered from None
