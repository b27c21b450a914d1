"""Uploading a picture."""

from __future__ import annotations

from collections.abc import Awaitable

import msgspec

from handlers.base import Caller, Interface, Reply, uploads_of
from handlers.digging.cards import picture_url
from handlers.forms import Form
from handlers.limits import limit
from handlers.parameters import Unionid, parse, read_parameters
from server.actions.pictures import disk_of, signed_path, upload_picture
from server.errors import BadRequest, DiskLow, PictureTooLarge, Refusal, Unavailable
from server.pictures.uploads import LARGEST_BYTES, Upload
from server.settings.limits import Limited
from server.store import is_unavailable

NO_FILE = "请选择要上传的图片文件"


class UploadFileRequest(msgspec.Struct):
    """`unionid` is needed only without a token. The picture is the form's `file`."""

    unionid: Unionid | None = None


class UploadFileReply(Reply, kw_only=True):
    """`url` is what publishing and profiles take. `thumbnail` is the same picture within 300 × 300 pixels.

    Both addresses are signed: they show the picture for an hour or two, and again once others may see it.
    """

    file_id: int
    url: str
    thumbnail: str


class PictureNotRead(PictureTooLarge):
    """The body is too large, and was not read to its end."""

    http_status = 413


class UploadFile(Interface):
    """Upload a JPEG, PNG, WebP or GIF as the form's field `file`: at most 10 MB, 16 megapixels (WebP 8).

    A file is kept only once its sender is known: by a token, by `unionid` in the query, or by the form's
    field `unionid`, which must then come before the file.
    """

    path = "/uploadFile"
    method = "POST"
    takes_files = ("file",)
    body_limit_bytes = LARGEST_BYTES

    _form: Form | None = None
    _upload: Upload | None = None
    _has_file = False
    _body_bytes = 0
    _charged_kb = 0
    _serving = False

    def too_large(self) -> Refusal:
        """Return the refusal of a picture that is too large, with HTTP 413."""
        return PictureNotRead()

    takes_at_once = False  # `prepare` asks the store who sends it

    async def prepare(self) -> None:
        """Refuse a body that is no form, and a caller who may not upload, before the body comes."""
        super().prepare()
        if not self._refused and self.request.method == self.method:
            self.expect_nothing()
            await self._unless_refused(self._begin())
            if not self._finished:
                self.expect_more()

    async def data_received(self, chunk: bytes) -> None:
        """Parse the chunk and keep what belongs to the file.

        Tornado reads no more until that is done, and learns only then whether the client has hung up.
        """
        self._begun = True
        self.expect_nothing()
        if self._refused or self._form is None:
            self.throw_away(chunk)
        else:
            await self._unless_refused(self._receive(self._form, chunk))
        self.expect_more(len(chunk))

    async def _unless_refused(self, work: Awaitable[None]) -> None:
        """Await `work`. If it raises a refusal, or a store is silent, reply so and keep nothing."""
        try:
            await work
        except Refusal as refusal:
            self.refuse_body(refusal)
        except Exception as error:
            if not is_unavailable(error):
                raise
            self.log_exception(type(error), error, None)
            self.refuse_body(Unavailable())

    async def _begin(self) -> None:
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
            raise BadRequest(NO_FILE, param="file")
        form = Form(content_type)
        await self._name(read_parameters(self.request, b"").get("unionid"))
        self._form = form

    async def _receive(self, form: Form, chunk: bytes) -> None:
        self._body_bytes += len(chunk)
        if self._body_bytes > self.body_limit_bytes:
            raise self.too_large()
        for name, data in form.feed(chunk):
            if name == "unionid" and isinstance(data, str):
                await self._name(data)
            elif name == "file" and isinstance(data, bytes):
                self._keep(data)

    async def _name(self, unionid: object) -> None:
        """Note who uploads and, if they may, begin the upload."""
        caller = await super().identify(parse(UploadFileRequest, {"unionid": unionid}))
        if self._upload is not None and caller != self.caller:
            raise BadRequest("“登录身份”前后不一致，请重新登录", param="unionid")
        self.caller = caller
        if self._upload is None and caller.person_id:
            await self._admit()
            if disk_of(self.context).low:
                raise DiskLow
            # An upload without a length may become as large as the largest.
            self._charged_kb = -(-(self.expected_bytes or self.body_limit_bytes) // 1024)
            asked: dict[Limited, int] = {"uploads": 1, "upload_kb": self._charged_kb}
            await limit(self.context, self.request, caller, asked)
            self._upload = uploads_of(self.context).begin(caller.counted, self.expected_bytes)

    async def _admit(self) -> None:
        """Admit the caller, unless they are banned or leaving. Raises Banned, Leaving, what `admit`
        raises."""
        if {"banned", "leaving"} & (await self.let_in()).keys():
            await self.active_person()  # the ban may be over by now

    def _keep(self, data: bytes) -> None:
        """Keep a part of the file. An empty part begins a file."""
        if self._upload is None:
            raise BadRequest("没有说明是谁上传的，请先登录", param="unionid")
        if not data:
            if self._has_file:
                raise BadRequest("一次只能上传一张图片", param="file")
            self._has_file = True
        self._upload.write(data)

    def read(self, body: bytes) -> UploadFileRequest:
        """Return the request once the whole form came. Raises BadRequest if it is not complete."""
        if self._form is None or not self._form.complete:
            raise BadRequest("请求的表单没有传完，请再试一次")
        if not self._has_file:
            raise BadRequest(NO_FILE, param="file")
        return UploadFileRequest(self.caller.person_id)

    async def identify(self, request: UploadFileRequest) -> Caller:
        """Return who the form said it is from."""
        return self.caller

    async def answer(self, request: UploadFileRequest) -> UploadFileReply:
        """Raises what `upload_picture` raises."""
        assert self._upload is not None  # noqa: S101  (else `read` refused)
        if self.context.hub.sessions.valid(self.caller.person_id) > (self.caller.generation or 0):
            await self._admit()  # their sessions ended while the picture came: they may be banned
        data = self._upload.hand_over()
        owner = self.caller.person_id
        file_id, path, thumbnail = await upload_picture(self.context, owner, data, self._charge)
        return UploadFileReply(
            file_id=file_id,
            url=picture_url(self.context, signed_path(self.context, path)),
            thumbnail=picture_url(self.context, signed_path(self.context, thumbnail)),
        )

    async def _charge(self, stored_bytes: int) -> None:
        """Count the stored bytes against the person's limit, in place of the sent bytes. Raises TooOften."""
        more_kb = -(-stored_bytes // 1024) - self._charged_kb
        await limit(self.context, self.request, self.caller, {"upload_kb": more_kb})
        self._charged_kb += more_kb

    async def serve(self, body: bytes) -> None:
        """Answer, then drop the upload, even after an error."""
        self._serving = True
        try:
            await super().serve(body)
        finally:
            self._let_go()

    def on_connection_close(self) -> None:
        """Drop the upload, unless it is being stored: then it still counts."""
        super().on_connection_close()
        if not self._serving:
            self._let_go()

    def refuse_body(self, refusal: Refusal) -> None:
        """Refuse, and drop the upload."""
        self._let_go()
        super().refuse_body(refusal)

    def _let_go(self) -> None:
        if self._upload is not None:
            self._upload.close()
            self._upload = None
