"""The person's data as the mini-program hands it over: encrypted by WeChat under the session key. Pure.

https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
"""

from __future__ import annotations

import base64
from typing import Annotated

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad
from msgspec import Meta

from server.errors import BadUserData

Name = Annotated[str, Meta(max_length=128)]
Url = Annotated[str, Meta(max_length=1024, pattern=r"\A(https?://|\Z)")]
Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[0-9A-Za-z_-]+\Z")]


class Watermark(msgspec.Struct, frozen=True):
    """For which mini-program the data was encrypted."""

    appid: str


class UserData(msgspec.Struct, frozen=True, rename="camel"):
    """What WeChat says of a person. Since 2021 it mostly leaves all but name and picture empty."""

    watermark: Watermark
    nick_name: Name = ""
    avatar_url: Url = ""
    gender: Annotated[int, Meta(ge=0, le=2)] = 0
    city: Name = ""
    province: Name = ""
    country: Name = ""
    open_id: Id | None = None
    union_id: Id | None = None


def decrypt_user(session_key: str, iv: str, encrypted_data: str, appid: str) -> UserData:
    """Open `encrypted_data` (all three in base64); raise BadUserData unless it is whole and for `appid`.

    A `+` that a query turned into a space is read as the `+` it was. There is one error for everything,
    so that nobody can learn from the answer which step failed, and by that what a block decrypts to.
    """
    try:
        cipher = AES.new(_from_base64(session_key), AES.MODE_CBC, _from_base64(iv))
        plain = unpad(cipher.decrypt(_from_base64(encrypted_data)), AES.block_size, "pkcs7")
        user = msgspec.json.decode(plain, type=UserData)
    except ValueError:  # base64's, the cipher's, the padding's, msgspec's and UTF-8's all are
        raise BadUserData from None
    if user.watermark.appid != appid:
        raise BadUserData
    return user


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text.replace(" ", "+"), validate=True)
