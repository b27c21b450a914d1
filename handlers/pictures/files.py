"""Pictures: the poster to share, the mini-program's code, and serving what is stored."""

import re
from functools import partial

import msgspec
from tornado.web import HTTPError

from handlers.base import NOBODY, BaseHandler, Interface, Reply
from handlers.digging.cards import picture_url
from handlers.limits import limit
from handlers.parameters import CodeOrShare, TaskRequest, parse
from server.actions.pictures import (
    audience_of,
    draw_mini_program_code,
    is_signed,
    make_poster,
    stays_up,
)
from server.errors import NotShown
from server.game.review import is_shown
from server.store.files import File as StoredFile

# A browser may still show its copy of a picture for this long after the picture was taken down.
TAKEN_DOWN_SECONDS = 3600
UNSHOWN_SECONDS = 300
_UNTIL = re.compile("[0-9]{1,12}")


class GetSharePicReply(Reply, kw_only=True):
    """A portrait poster, 750 × 1334."""

    pic: str


class GetSharePic(Interface, path="/getSharePic", method="POST"):
    """The poster with which a person shares a task. Its code says who shared it."""

    async def answer(self, request: TaskRequest) -> GetSharePicReply:
        """Return the poster; the first time, draw it. Raises NoSuchTask, NotShown."""
        await self.let_in()
        task = await self.context.store.tasks.get(request.code)
        if not is_shown(task):
            raise NotShown
        admit = partial(limit, self.context, self.request, self.caller, {"posters": 1})
        path = await make_poster(self.context, task, self.caller.person_id, admit)
        return GetSharePicReply(pic=picture_url(self.context, path))


class MiniProgramCodeRequest(msgspec.Struct):
    """The task or share that the code opens; without either, the mini-program's first page."""

    code: CodeOrShare | None = None


class MiniProgramCode(BaseHandler):
    """`/miniProgramCode`: a picture with which WeChat's scanner opens the mini-program. Needs no login.

    WeChat is asked only once per task or share, and only if the task or share exists. In the limits, a new
    code counts as a poster of the caller's address.
    """

    async def get(self) -> None:
        """Redirect to the picture. Raises HTTPError 404 if there is no such task or share."""
        asked = parse(MiniProgramCodeRequest, {"code": self.get_query_argument("code", "")})
        if asked.code is not None:
            code, _ = self.context.visiting.resolve(asked.code)
            if code is None or await self.context.store.tasks.find(code) is None:
                raise HTTPError(404)
        admit = partial(limit, self.context, self.request, NOBODY, {"posters": 1})
        self.redirect(await draw_mini_program_code(self.context, asked.code or "square", admit))


class File(BaseHandler):
    """A stored picture. A name's content never changes.

    Clients may cache a picture for an hour, or for ever if it is never taken down. A picture that nothing
    shows yet needs a signed address. Its uploader gets such an address, and so does its publisher while the
    picture is checked.
    """

    async def caching(self, file: StoredFile) -> str | None:
        """Return how long clients may show a file without asking again; None if it must not be sent.

        No client says who it is when it asks for a picture.
        """
        audience = await audience_of(self.context, file)
        if audience == "signed":
            return f"private, max-age={UNSHOWN_SECONDS}" if self._is_signed(file) else None
        if audience != "everybody":
            return None
        forever = stays_up(file)
        return "public, max-age=31536000, immutable" if forever else f"public, max-age={TAKEN_DOWN_SECONDS}"

    def _is_signed(self, file: StoredFile) -> bool:
        until = self.get_query_argument("until", "")
        signature = self.get_query_argument("signature", "")
        return bool(_UNTIL.fullmatch(until)) and is_signed(self.context, file, int(until), signature)

    async def get(self, name: str) -> None:
        """Send the file, or 304 if the client has it."""
        file = await self.context.store.files.find(name)
        caching = None if file is None else await self.caching(file)
        if file is None or caching is None:
            raise HTTPError(404)
        self._etag = f'"{file.name}"'
        self.set_header("Content-Type", file.content_type)
        self.set_header("Cache-Control", caching)
        self.set_header("Content-Length", str(file.length))
        self.set_etag_header()
        if self.check_etag_header():
            self.set_status(304)
        elif self.request.method == "GET":
            async for part in self.context.store.files.read(file):
                self.write(part)
                await self.flush()

    head = get
