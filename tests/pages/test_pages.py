"""How the pages are sent: compressed, cached for good by version, and with a strict policy."""

import gzip
import posixpath
import re
from typing import Any, ClassVar

import pytest

from handlers.pages import STATIC, Site
from support.client import Client, a_picture
from support.pictures import opened

IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](?P<address>[^"']+)["']""")


async def root(client: Client) -> str:
    """Return the path under which the page's files are. The version of the files is in this path."""
    page = (await client.http.get("/")).text
    found = re.search(r"/static/app/[0-9a-f]+", page)
    assert found
    return found[0]


@pytest.mark.parametrize("page", ["/?code=abc", "/ops"])
async def test_a_page_may_run_and_load_nothing_but_ours(client, settings, page):
    response = await client.http.get(page)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://127.0.0.1:{settings.port}"
    # With this, Chromium takes no text for HTML or code, whatever a name says.
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "'none'")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|\bstyle=", response.text)


async def test_files_are_compressed_only_for_clients_that_accept_it(client):
    address = f"{await root(client)}/app/main.js"
    small = await client.http.get(address, headers={"Accept-Encoding": "gzip"})
    whole = await client.http.get(address, headers={"Accept-Encoding": "identity"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in whole.headers
    assert small.content == whole.content == (STATIC / "app" / "main.js").read_bytes()
    assert small.headers["Etag"] != whole.headers["Etag"]
    assert small.headers["Vary"] == "Accept-Encoding"


async def test_files_with_a_version_are_cached_for_good_and_the_page_is_revalidated(client):
    page = await client.http.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    again = await client.http.get("/", headers={"If-None-Match": page.headers["Etag"]})
    assert (again.status_code, again.content) == (304, b"")
    here = await root(client)
    current = await client.http.get(f"{here}/app/style.css")
    assert current.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    old = await client.http.get("/static/app/0123456789ab/app/style.css")
    assert old.headers["Cache-Control"] == "no-cache"
    assert old.content == current.content
    head = await client.http.head(f"{here}/app/style.css")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/static/app/0123456789ab/app/no.js", "/static/no/0123456789ab/app/main.js", "/static/app/a/../main.js"],
)
async def test_an_unknown_file_is_refused_in_json(client, path):
    response = await client.http.get(path)
    assert response.status_code == 404
    assert response.json()["error"] == "bad_request"


def preloaded(site: Site) -> set[str]:
    """Return the modules that a first view loads."""
    page = site.files["app/index.html"].body.decode()
    return set(re.findall(r'(?:modulepreload" href|src)="\{\{root\}\}/([a-z/]+\.js)"', page))


def test_what_a_first_view_imports_is_preloaded_and_all_modules_import_only_what_is_there():
    site = Site("app", "miniprogram/shared")
    modules = {path for path in site.files if path.endswith(".js")}
    imports: dict[str, set[str]] = {}
    for path in modules:
        text = site.files[path].body.decode()
        imports[path] = set()
        for found in IMPORT.finditer(text):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(path), found["address"]))
            assert imported in modules, (path, found["address"])
            if "import(" not in found[0]:  # a module in `import()` is loaded only when it is needed
                imports[path].add(imported)
    needed = {"app/main.js"}
    while more := set().union(*(imports[path] for path in needed)) - needed:
        needed |= more
    assert preloaded(site) == needed


def test_no_module_makes_html_or_code_of_a_text():
    for path in (path for part in ("app", "ops", "miniprogram") for path in (STATIC / part).rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|parseFromString|createContextualFragment"
            r"|srcdoc|document\.write\b|\beval\(|new Function\b",
            text,
        )
        assert found == [], path


def test_the_files_of_a_first_view_are_small():
    site = Site("app", "miniprogram/shared")
    # When a find first shows, or somebody practises.
    later = ("app/finds.css", "app/practice.css", "miniprogram/shared/finds.svg")
    others = {path for path in site.files if not path.endswith(".js")}
    first = [*preloaded(site), *others.difference(later)]
    assert sum(len(site.files[path].gzipped) for path in later) < 40_000
    assert sum(len(site.files[path].gzipped) for path in first) < 90_000
    assert all(gzip.decompress(file.gzipped) == file.body for file in site.files.values())


async def test_the_mini_programs_code_is_drawn_once_per_existing_task(client, alice):
    code = await alice.publish(url=(await alice.upload(a_picture()))["url"])
    share = (await alice.get("/getTaskDetails", code=code))["share"]

    async def ask(**query: Any) -> Any:
        return await client.http.get("/miniProgramCode", params=query)

    for query in ({}, {"code": code}, {"code": share}):
        first = await ask(**query)
        second = await ask(**query)
        assert first.status_code == 302
        assert first.headers["Location"] == second.headers["Location"]
        picture = await client.http.get(first.headers["Location"])
        assert opened(picture.content).size == (430, 430)
    for unknown in ("a" * 12, "a" * 31):
        assert (await ask(code=unknown)).status_code == 404
    assert (await ask(code="../../etc")).json()["error"] == "bad_request"


class TestWithWeChat:
    """With WeChat configured, nobody can log in on the web."""

    ENVIRONMENT: ClassVar = {"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_SECRET": "s" * 32}

    async def test_the_page_shows_the_mini_programs_code_instead(self, client):
        assert 'data-login="wechat"' in (await client.http.get("/")).text
        assert (await client.http.get("/sandbox/authorize?user=alice")).status_code == 404
