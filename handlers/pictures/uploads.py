"""Uploading a picture."""

import msgspec

from handlers.base import Interface, Reply
from handlers.bodies import LARGEST_BYTES
from handlers.digging.cards import picture_url
from handlers.limits import limit
from handlers.parameters import Unionid
from server.actions.pictures import signed_path, upload_picture
from server.errors import BadRequest, DiskLow, PictureTooLarge, Refusal
from server.settings.limits import Limited


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


class PictureNotRead(PictureTooLarge, http_status=413):
    """The body is too large, and was not read to its end."""


class UploadFile(Interface, path="/uploadFile", method="POST"):
    """Upload a JPEG, PNG, WebP or GIF as the form's field `file`: at most 10 MB, 16 megapixels (WebP 8).

    The sender is known by a token or, where none is required, by `unionid` in the query or the form.
    """

    takes_files = ("file",)
    body_limit_bytes = LARGEST_BYTES
    strangers_bytes = LARGEST_BYTES  # of clients without a token, where none is required

    @classmethod
    def too_large(cls, limit_bytes: int) -> Refusal:
        """Return the refusal of a picture that is too large, with HTTP 413."""
        return PictureNotRead() if limit_bytes == cls.body_limit_bytes else super().too_large(limit_bytes)

    async def answer(self, request: UploadFileRequest) -> UploadFileReply:
        """Raises BadRequest, DiskLow, TooOften, and what `active_person` and `upload_picture` raise."""
        files = self.request.files.get("file", [])
        if len(files) != 1:
            raise BadRequest("一次只能上传一张图片" if files else "请选择要上传的图片文件", param="file")
        if not self.caller.person_id:
            raise BadRequest("没有说明是谁上传的，请先登录", param="unionid")
        await self.active_person()
        if self.context.disk.low:
            raise DiskLow
        data = files[0].body
        # The picture may wait for its turn: till then it is in memory once.
        self.request.files.clear()
        self.request.body = b""
        self._charged_kb = -(-len(data) // 1024)
        asked: dict[Limited, int] = {"uploads": 1, "upload_kb": self._charged_kb}
        await limit(self.context, self.request, self.caller, asked)
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
