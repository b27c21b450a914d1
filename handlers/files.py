"""Pictures: uploading one, the poster to share, and serving what is stored."""

from __future__ import annotations

import msgspec
from tornado.web import HTTPError

from handlers.base import BaseHandler, Interface, Reply
from handlers.cards import address
from handlers.parameters import Code, CodeOrShare, Unionid, parse
from server.actions.pictures import draw_mini_program_code, make_poster, upload_picture
from server.errors import BadRequest, NoSuchTask, PictureTooLarge, Refusal
from server.pictures import MAX_BYTES

MULTIPART_BYTES = 64 << 10  # what stands around the picture in a form


class UploadFileRequest(msgspec.Struct):
    """Who uploads; the picture is the form's `file`."""

    unionid: Unionid


class UploadFileReply(Reply, kw_only=True):
    """`url` is what publishing and profiles take; `thumbnail` the same within 300 pixels."""

    file_id: int
    url: str
    thumbnail: str


class PictureNotRead(PictureTooLarge):
    """The body was too large to be read to its end."""

    http_status = 413


class UploadFile(Interface):
    """Upload a JPEG, PNG, WebP or GIF of at most 10 MB and 16 megapixels, as the form's field `file`."""

    path = "/uploadFile"
    method = "POST"
    takes = (UploadFileRequest,)
    takes_files = ("file",)
    gives = (UploadFileReply,)
    body_limit_bytes = MAX_BYTES + MULTIPART_BYTES

    def too_large(self) -> Refusal:
        """Say it as for a picture that was read."""
        return PictureNotRead()

    async def answer(self, request: UploadFileRequest) -> Reply:
        """Store it."""
        await self.let_in()
        uploaded = self.request.files.get("file")
        if not uploaded:
            raise BadRequest("缺少参数 file，应为用 multipart/form-data 上传的图片文件")
        file_id, path, thumbnail = await upload_picture(self.context, request.unionid, uploaded[-1].body)
        return UploadFileReply(
            file_id=file_id, url=address(self.context, path), thumbnail=address(self.context, thumbnail)
        )


class GetSharePicRequest(msgspec.Struct):
    """Who shares what."""

    unionid: Unionid
    code: Code


class GetSharePicReply(Reply, kw_only=True):
    """A portrait poster, 750 × 1334."""

    pic: str


class GetSharePic(Interface):
    """The poster with which a person shares a task; its QR code tells who shared it."""

    path = "/getSharePic"
    method = "POST"
    takes = (GetSharePicRequest,)
    gives = (GetSharePicReply,)

    async def answer(self, request: GetSharePicRequest) -> Reply:
        """Find or draw it."""
        await self.let_in()
        task = await self.context.store.tasks.find(request.code)
        if task is None:
            raise NoSuchTask
        path = await make_poster(self.context, task, request.unionid)
        return GetSharePicReply(pic=address(self.context, path))


class MiniProgramCodeRequest(msgspec.Struct):
    """Which task the code opens; without one, the mini-program's first page."""

    code: CodeOrShare | None = None


class MiniProgramCode(BaseHandler):
    """`/miniProgramCode`: a picture that WeChat's scanner opens the mini-program by. Needs no login.

    WeChat is asked once for each task or share that exists, however often this is.
    """

    async def get(self) -> None:
        """Lead to the picture."""
        asked = parse(MiniProgramCodeRequest, {"code": self.get_query_argument("code", "")})
        if asked.code is not None:
            code, _ = await self.context.visiting.resolve(asked.code)
            if code is None or await self.context.store.tasks.find(code) is None:
                raise HTTPError(404)
        self.redirect(await draw_mini_program_code(self.context, asked.code or "square"))


class File(BaseHandler):
    """A stored picture. What stands under a name never changes, so whoever has it may keep it."""

    _etag: str | None = None

    def compute_etag(self) -> str | None:
        """Return the file's version, which is its name; what is no file has none."""
        return self._etag

    async def head(self, name: str) -> None:
        """Serve the headers."""
        await self._serve(name, with_body=False)

    async def get(self, name: str) -> None:
        """Serve the file, or 304 to who has it."""
        await self._serve(name, with_body=True)

    async def _serve(self, name: str, with_body: bool) -> None:
        file = await self.context.store.files.find(name)
        if file is None:
            raise HTTPError(404)
        self._etag = f'"{file.name}"'
        self.set_header("Content-Type", file.content_type)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Content-Length", str(file.length))
        self.set_etag_header()
        if self.check_etag_header():
            self.set_status(304)
        elif with_body:
            async for part in self.context.store.files.read(file):
                self.write(part)
                await self.flush()
