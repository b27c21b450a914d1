"""A person's data as the mini-program sends it: encrypted by WeChat with the session key. Pure.

https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
"""

import base64
from typing import Annotated

import msgspec
from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad
from msgspec import Meta

from server.decoding import decode
from server.errors import BadUserData

Name = Annotated[str, Meta(max_length=128)]
Url = Annotated[str, Meta(max_length=1024, pattern=r"\A(https?://|\Z)")]
Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[0-9A-Za-z_-]+\Z")]


class Watermark(msgspec.Struct, frozen=True):
    """The mini-program for which the data was encrypted."""

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
    """Decrypt `encrypted_data`. All but `appid` are base64. Raises BadUserData, even if only the appid
    differs.

    A space is read as `+`, because a query turns `+` into a space. All errors are the same: if the answer
    told which step failed, somebody could learn from it what a block decrypts to.
    """
    try:
        cipher = AES.new(_from_base64(session_key), AES.MODE_CBC, _from_base64(iv))
        plain = unpad(cipher.decrypt(_from_base64(encrypted_data)), AES.block_size, "pkcs7")
        user = decode(plain, UserData)
    except ValueError:  # the errors of base64, cipher, padding, msgspec and UTF-8
        raise BadUserData from None
    if user.watermark.appid != appid:
        raise BadUserData
    return user


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text.replace(" ", "+"), validate=True)
