"""The access token, and the mini-program codes that are drawn for its holder."""

import asyncio
import io
import re
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
import qrcode
from msgspec import Meta
from PIL import Image
from qrcode.image.pil import PilImage

from devtools.sandbox.base import SandboxHandler, WeChatFailure, decoded, now_ms
from devtools.sandbox.store.codes import TokenState
from server.decoding import decode

TOKEN_MS = 7_200_000
# The next token is handed out when the current one has five minutes left.
RENEWED_BEFORE_MS = 300_000
# https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html
FORCED_A_DAY = 20
FORCED_APART_MS = 30_000
DAY_MS = 86_400_000

# The pages of the released mini-program.
_APP = Path(__file__).parents[2] / "static" / "miniprogram" / "app.json"
PAGES = frozenset(decode(_APP.read_bytes(), dict[str, Any])["pages"])

_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}")
_PAGE = re.compile(r"[0-9A-Za-z_.-][0-9A-Za-z_./-]{0,127}")


class TokenRequest(msgspec.Struct):
    """What stable_token takes."""

    grant_type: str = ""
    appid: str = ""
    secret: str = ""
    force_refresh: bool = False


class CodeRequest(msgspec.Struct):
    """What getwxacodeunlimit takes; `width` in pixels. Without a `page`, the code opens the first page.

    https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/qr-code/getUnlimitedQRCode.html
    """

    scene: str = ""
    page: str = "pages/square/square"
    width: Annotated[int, Meta(ge=280, le=1280)] = 430
    env_version: Literal["release", "trial", "develop"] = "release"
    check_path: bool = True


class StableToken(SandboxHandler):
    """POST /cgi-bin/stable_token."""

    async def post(self) -> None:
        """Answer the current token or, with `force_refresh`, a new one, which ends the current one."""
        asked = decoded(self.request.body, TokenRequest)
        settings = self.context.settings
        if asked.grant_type != "client_credential":
            raise WeChatFailure(40002)
        if asked.appid != settings.appid:
            raise WeChatFailure(40013)
        if asked.secret != settings.app_secret:
            raise WeChatFailure(40125)
        now = now_ms()
        if asked.force_refresh:
            await self._count_forced(asked.appid, now)
        token = secrets.token_urlsafe(96)
        new: TokenState = {"_id": asked.appid, "token": token, "expires_at_ms": now + TOKEN_MS}
        expiring_before_ms = now + TOKEN_MS + 1 if asked.force_refresh else now + RENEWED_BEFORE_MS
        valid = await self.state.codes.replace_token(new, expiring_before_ms)
        self.write_json(
            {"access_token": valid["token"], "expires_in": (valid["expires_at_ms"] - now) // 1000}
        )


    async def _count_forced(self, appid: str, now: int) -> None:
        """Count a forced renewal. Raises WeChatFailure above WeChat's limits: 20 a day, 30 s apart."""
        codes = self.state.codes
        forced = [at for at in await codes.forced_at(appid) if at > now - DAY_MS]
        if len(forced) >= FORCED_A_DAY:
            raise WeChatFailure(45009)
        if forced and forced[-1] > now - FORCED_APART_MS:
            raise WeChatFailure(45011)
        await codes.note_forced(appid, [*forced, now])


class MiniProgramCode(SandboxHandler):
    """POST /wxa/getwxacodeunlimit."""

    async def post(self) -> None:
        """Answer a picture. An error is answered in JSON, as WeChat does."""
        await self.require_token()
        asked = decoded(self.request.body, CodeRequest)
        if not _SCENE.fullmatch(asked.scene):
            raise WeChatFailure(40169)
        if not _PAGE.fullmatch(asked.page) or (asked.check_path and asked.page not in PAGES):
            raise WeChatFailure(41030)
        address = f"{self.context.settings.public_url}/{asked.page}?scene={quote(asked.scene, safe='')}"
        picture = await asyncio.to_thread(_draw, address, asked.width)
        self.set_header("Content-Type", "image/jpeg")
        self.finish(picture)


def _draw(address: str, width: int) -> bytes:
    """Return a JPEG with the QR code of `address`: not round like WeChat's, but a camera can read it."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    code.add_data(address)
    drawn = code.make_image(image_factory=PilImage).get_image().convert("L")
    file = io.BytesIO()
    drawn.resize((width, width), Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
    return file.getvalue()
