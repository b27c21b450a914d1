"""Logging in: `/sandbox/authorize` for `wx.login` and `wx.getUserProfile` together, and `jscode2session`."""

import base64
import hashlib
import os
import secrets
from typing import Annotated, Any, Literal

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad
from msgspec import Meta

from devtools.sandbox.base import SandboxHandler, WeChatFailure, now_ms
from devtools.sandbox.store.codes import LoginCode

CODE_MS = 300_000
ANONYMOUS_NAME = "微信用户"
ANONYMOUS_FACE = (
    "https://thirdwx.qlogo.cn/mmopen/vi_32/"
    "POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132"
)

Text = Annotated[str, Meta(min_length=1, max_length=50)]
Flag = Annotated[int, Meta(ge=0, le=1)]


class AuthorizeRequest(msgspec.Struct):
    """The person who logs in, and how WeChat should behave.

    `errcode`: what jscode2session answers to the code. `anonymous`: WeChat's default name and picture, which
    it gives since 2022. `unionid`: `1` puts it into the session and the data, `data` only into the data, `0`
    into neither. `appid`: encrypt the data for another mini-program than this one.
    """

    user: Text
    nickname: Text | None = None
    gender: Annotated[int, Meta(ge=0, le=2)] = 0
    anonymous: Flag = 0
    unionid: Literal["1", "data", "0"] = "1"
    errcode: Literal[0, -1, 40029, 40163, 40226, 45011] = 0
    appid: Text | None = None


class Authorize(SandboxHandler):
    """GET /sandbox/authorize?user=…: what a mini-program sends to userLogin."""

    async def get(self) -> None:
        """Answer `code`, `iv` and `encryptedData`. The code can be used once, within five minutes."""
        asked = self._read_query()
        if asked is None:
            return
        unionid = wechat_id("unionid", asked.user)
        session_key = os.urandom(16)
        now = now_ms()
        code: LoginCode = {
            "_id": secrets.token_urlsafe(24),
            "openid": wechat_id("openid", asked.user),
            "unionid": unionid if asked.unionid == "1" else None,
            "session_key": base64.b64encode(session_key).decode(),
            "errcode": asked.errcode,
            "used": False,
            "expires_at_ms": now + CODE_MS,
        }
        await self.state.codes.add_code(code, now)
        data = self._user_data(asked, code["openid"], now)
        if asked.unionid != "0":
            data["unionId"] = unionid
        iv = os.urandom(16)
        encrypted = AES.new(session_key, AES.MODE_CBC, iv).encrypt(pad(msgspec.json.encode(data), 16))
        self.write_json(
            {
                "code": code["_id"],
                "iv": base64.b64encode(iv).decode(),
                "encryptedData": base64.b64encode(encrypted).decode(),
            }
        )

    def _read_query(self) -> AuthorizeRequest | None:
        given = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        present = {name: value for name, value in given.items() if value}
        try:
            return msgspec.convert(present, AuthorizeRequest, strict=False)
        except msgspec.ValidationError as error:
            self.set_status(400)
            self.write_json({"errMsg": f"authorize:fail {error}"})
            return None

    def _user_data(self, asked: AuthorizeRequest, openid: str, now: int) -> dict[str, Any]:
        settings = self.context.settings
        picture = hashlib.sha256(asked.user.encode()).hexdigest()[:32]
        face = f"{settings.public_url}/sandbox/avatar/{picture}.png"
        return {
            "openId": openid,
            "nickName": ANONYMOUS_NAME if asked.anonymous else asked.nickname or asked.user,
            "gender": 0 if asked.anonymous else asked.gender,
            "language": "zh_CN",
            "city": "" if asked.anonymous else "深圳",
            "province": "" if asked.anonymous else "广东",
            "country": "" if asked.anonymous else "中国",
            "avatarUrl": ANONYMOUS_FACE if asked.anonymous else face,
            "watermark": {"timestamp": now // 1000, "appid": asked.appid or settings.appid},
        }


class CodeToSession(SandboxHandler):
    """GET /sns/jscode2session."""

    async def get(self) -> None:
        """Answer the person and the session key of a login code, once."""
        settings = self.context.settings
        appid, secret, js_code, grant_type = (
            self.get_query_argument(name, "") for name in ("appid", "secret", "js_code", "grant_type")
        )
        if not appid or not secret or not js_code:
            raise WeChatFailure(41008 if appid and secret else 41004 if appid else 41002)
        if appid != settings.appid:
            raise WeChatFailure(40013)
        if secret != settings.app_secret:
            raise WeChatFailure(40125)
        if grant_type != "authorization_code":
            raise WeChatFailure(40002)
        self.write_json(await self._session(js_code))

    async def _session(self, js_code: str) -> dict[str, str]:
        code = await self.state.codes.find_code(js_code, now_ms())
        if code is None:
            raise WeChatFailure(40029)
        if code["errcode"]:
            raise WeChatFailure(code["errcode"])
        if not await self.state.codes.use_code(js_code, now_ms()):
            raise WeChatFailure(40163)
        session = {"session_key": code["session_key"], "openid": code["openid"]}
        if code["unionid"]:
            session["unionid"] = code["unionid"]
        return session


def wechat_id(kind: str, user: str) -> str:
    """Return the user's id of this kind, always the same: 28 characters that begin with "o", as WeChat's."""
    digest = hashlib.sha256(f"{kind}:{user}".encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]
