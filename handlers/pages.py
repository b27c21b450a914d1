"""The pages: the files under `static/`, read once at start and served, compressed, from memory.

Nothing here knows what a page does. A page uses the documented interfaces like any other client.
"""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tornado.web import HTTPError

from handlers.base import BaseHandler, Receiver
from handlers.languages import Language

STATIC = Path(__file__).parents[1] / "static"
VERSION_DIGITS = 12

_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".wxss": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json; charset=utf-8",
}
# Ends the name of a large file that stands compressed in `static/`.
_KEPT_GZIPPED = ".gz"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent. `digest` is a hash of `body`; `gzipped` is `body` compressed."""

    content_type: str
    body: bytes
    gzipped: bytes
    digest: str


class Site:
    """One directory below `static/`, and the other directories that its modules import from.

    Its files are addressed as `/static/NAME/VERSION/` and their path below `static/`. The version is a hash
    over all of them. Relative imports stay within the version, so every file may be cached for good, and no
    page mixes two versions.
    """

    def __init__(self, name: str, *shared: str) -> None:
        texts = {
            str(path.relative_to(STATIC)): path.read_bytes()
            for directory in (name, *shared)
            for path in sorted((STATIC / directory).rglob("*"))
            if path.suffix in (*_CONTENT_TYPES, _KEPT_GZIPPED)
        }
        self.name = name
        digest = hashlib.sha256()
        for path, text in texts.items():
            digest.update(f"{path}\0{len(text)}\0".encode())
            digest.update(text)
        self.version = digest.hexdigest()[:VERSION_DIGITS]
        self.root = f"/static/{name}/{self.version}"
        files = {path: static_file(path, text) for path, text in texts.items()}
        self.files = {path.removesuffix(_KEPT_GZIPPED): file for path, file in files.items()}

    def page(self, values: dict[str, str]) -> StaticFile:
        """Return index.html with `{{root}}` and each `{{name}}` of `values` filled in.

        Nothing is escaped, so no value may come from a person.
        """
        text = self.files[f"{self.name}/index.html"].body.decode()
        for name, value in {**values, "root": self.root}.items():
            text = text.replace("{{" + name + "}}", value)
        return static_file("index.html", text.encode())


def static_file(path: str, kept: bytes) -> StaticFile:
    """Return the file that is kept at a path, and compress it if it is not kept compressed."""
    if path.endswith(_KEPT_GZIPPED):
        path = path.removesuffix(_KEPT_GZIPPED)
        body = gzip.decompress(kept)
        gzipped = kept
    else:
        body = kept
        gzipped = gzip.compress(kept, 9, mtime=0)
    return StaticFile(
        content_type=_CONTENT_TYPES[Path(path).suffix],
        body=body,
        gzipped=gzipped,
        digest=hashlib.sha256(body).hexdigest()[:32],
    )


class FileHandler(BaseHandler):
    """Sends files of a site: compressed if the client accepts it, and 304 if it has the file."""

    def send(self, file: StaticFile, cache: str) -> None:
        """Answer with the file, or with 304, as Tornado does if the ETag is the client's.

        `cache` is the Cache-Control.
        """
        gzipped = "gzip" in self.request.headers.get("Accept-Encoding", "")
        self._etag = f'"{file.digest}{"-gzip" if gzipped else ""}"'
        self.set_header("Content-Type", file.content_type)
        self.set_header("Cache-Control", cache)
        self.set_header("Vary", "Accept-Encoding")
        if gzipped:
            self.set_header("Content-Encoding", "gzip")
        self.write(file.gzipped if gzipped else file.body)


class Static(FileHandler):
    """`/static/NAME/VERSION/…`."""

    def initialize(self, sites: dict[str, Site]) -> None:  # type: ignore[override]
        """Take the sites, by name, from the route table."""
        super().initialize()
        self._sites = sites

    def get(self, name: str, version: str, path: str) -> None:
        """Send a file. Under the current version it may be cached for ever, under another not at all.

        Raises HTTPError 404.
        """
        site = self._sites.get(name)
        file = None if site is None else site.files.get(path)
        if site is None or file is None:
            raise HTTPError(404)
        # During a deployment a page may ask for an older or newer version than ours. It then gets our
        # version's files.
        current = version == site.version
        self.send(file, "public, max-age=31536000, immutable" if current else "no-cache")

    head = get


class Page(FileHandler):
    """A site's index.html, with headers that let the browser run and load only what is ours."""

    def initialize(self, page: StaticFile, headers: dict[str, str]) -> None:  # type: ignore[override]
        """Take the page and its `security_headers` from the route table."""
        super().initialize()
        self._page = page
        self._security_headers = headers

    def get(self) -> None:
        """Send the page. Browsers ask for it again each time, because it names the version of the files."""
        for name, value in self._security_headers.items():
            self.set_header(name, value)
        self.send(self._page, "no-cache")

    head = get


class Description(FileHandler):
    """`/openapi.json` and `/asyncapi.json`, generated from declarations: in English with `lang=en`, or if
    the client asks for English (`Accept-Language`) and names no `lang`."""

    def initialize(self, described: Callable[[Language], StaticFile]) -> None:  # type: ignore[override]
        """Take from the route table what makes the document, once a language."""
        super().initialize()
        self._described = described

    def get(self) -> None:
        """Send the document. Clients ask for it again each time, because it may change with a version."""
        asked = self.get_query_argument("lang", "") or self.request.headers.get("Accept-Language", "")
        self.send(self._described("en" if asked.lower().startswith("en") else "zh"), "no-cache")
        self.set_header("Vary", "Accept-Encoding, Accept-Language")


def security_headers(public_url: str, foreign_pictures: bool) -> dict[str, str]:
    """Return a page's security headers.

    With `foreign_pictures` (avatars), pictures may come from PUBLIC_URL and any https address.
    """
    parts = urlsplit(public_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    socket = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:" + (f" blob: https: {origin}" if foreign_pictures else ""),
        "connect-src": f"'self' {socket}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }


class NotFound(Receiver):
    """All paths without a route."""

    async def serve(self) -> None:
        raise HTTPError(404)
