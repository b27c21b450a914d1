"""Parameters: their types, and how a request's parameters become a declared struct.

Nothing here answers a request or reads a store.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from tornado import httputil
from tornado.web import HTTPError

from handlers.bodies import BODY_BYTES
from server.decoding import decode, named
from server.errors import BadRequest
from server.store.pipelines import Window

Unionid = Annotated[
    str, named("登录身份", "登录时得到的标识", min_length=1, max_length=128, pattern=r"\A[0-9A-Za-z:_\-]+\Z")
]
Code = Annotated[str, named("宝贝编号", "12 位字母或数字", pattern=r"\A[0-9A-Za-z]{12}\Z")]
CodeOrShare = Annotated[
    str,
    named(
        "宝贝编号", "12 位字母或数字，或 31 位的分享码", pattern=r"\A[0-9A-Za-z]{12}(?:[0-9A-Za-z]{19})?\Z"
    ),
]
Page = Annotated[int, named("页码", "1 到 1000000 的整数", ge=1, le=1_000_000)]
# A list is read on from its last row; `page`, which the first clients send, passes over all rows before it.
ListPage = Annotated[int, named("页码", "1 到 500 的整数", ge=1, le=500)]
After = Annotated[
    str, named("接着看的位置", "上一页给出的位置", pattern=r"\A[0-9]{1,15}-[0-9A-Za-z:]{1,32}\Z")
]
Depth = Annotated[int, named("层数", "1 到 100000000 的整数", ge=1, le=100_000_000)]


class NoParameters(msgspec.Struct):
    """No parameters."""


class PersonRequest(msgspec.Struct):
    """The person who asks."""

    unionid: Unionid


class TaskRequest(msgspec.Struct):
    """The person who asks, and the task that the request is about."""

    unionid: Unionid
    code: Code


class OwnRequest(msgspec.Struct):
    """The token says who asks."""

    unionid: Unionid | None = None


class OwnPageRequest(msgspec.Struct):
    """The person who asks, and which page, from 1."""

    unionid: Unionid
    page: ListPage = 1


def window_of(after: str | None, page: int, size: int) -> Window:
    """Return the rows that a page of a list shows: with `after`, those behind the row that it names."""
    if after is None:
        return Window(size, (page - 1) * size)
    at_ms, _, key = after.partition("-")
    return Window(size, after=(int(at_ms), key))


def next_of(places: Sequence[tuple[int, str]], window: Window) -> str:
    """Return what a client sends as `after` for the page that follows; "" if no page follows.

    `places` are the time and the id of each row.
    """
    return "-".join(map(str, places[-1])) if len(places) == window.limit else ""


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_WHOLE = re.compile("-?[0-9]{1,19}")
# How msgspec words its errors.
_MISSING = re.compile(r"missing required field `(\w+)`")
_PLACE = re.compile(r"at `\$\.(\w+)")

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class _Declared(NamedTuple):
    """A parameter as its struct declares it. `title` and `must_be` are the words of a refusal.

    `whole`: a whole number. `keeps` returns what is kept of a text.
    """

    title: str
    must_be: str
    whole: bool
    keeps: Callable[[str], str] | None


def parse(kind: type[_Struct], values: Mapping[str, object]) -> _Struct:
    """Return `values` as the declared `kind`. Whole numbers may be texts. Empty texts and null are absent.

    Raises BadRequest, which says what the parameter must be, as declared.
    """
    declared = _declared(kind)
    present: dict[str, object] = {}
    for name, parameter in declared.items():
        value = values.get(name)
        if value is None or value == "":
            continue
        if parameter.whole:
            value = whole_number(value)
            if value is None:
                raise BadRequest(f"“{parameter.title}”{parameter.must_be}", param=name)
        elif isinstance(value, str) and not _is_text(value):
            raise BadRequest(f"“{parameter.title}”{parameter.must_be}，不能含有特殊字符", param=name)
        elif isinstance(value, str) and parameter.keeps is not None:
            value = parameter.keeps(value)
        present[name] = value
    try:
        return msgspec.convert(present, kind)
    except msgspec.ValidationError as error:
        raise _refusal(declared, str(error)) from None


def whole_number(value: object) -> int | None:
    """Return a parameter, number or text, as a whole number; None if it is not one."""
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_text(value: str) -> bool:
    """Whether a text lacks lone surrogates, which UTF-8 cannot encode, and NULs, which MongoDB may refuse."""
    try:
        return b"\x00" not in value.encode()
    except UnicodeEncodeError:
        return False


@cache
def _declared(kind: type[msgspec.Struct]) -> dict[str, _Declared]:
    return {
        field.encode_name: _declaration(field.encode_name, field.type)
        for field in msgspec.structs.fields(kind)
    }


def _declaration(name: str, kind: Any) -> _Declared:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.UnionType):  # `X | None`: only X says what a value must be
        info = next(part for part in info.types if not isinstance(part, msgspec.inspect.NoneType))
    schema: dict[str, Any] = {}
    keeps = None
    if isinstance(info, msgspec.inspect.Metadata):
        keeps = (info.extra or {}).get("keeps")
        schema = info.extra_json_schema or {}
        info = info.type
    whole = isinstance(info, msgspec.inspect.IntType)
    description = str(schema.get("description") or ("整数" if whole else "文字"))
    must_be = f"应为{' ' if description[0].isascii() else ''}{description}"
    return _Declared(str(schema.get("title", name)), must_be, whole, keeps)


def _refusal(declared: Mapping[str, _Declared], problem: str) -> BadRequest:
    found = _MISSING.search(problem)
    if found:
        title, must_be, *_ = declared[found[1]]
        return BadRequest(f"请填写“{title}”，{must_be}", param=found[1])
    found = _PLACE.search(problem)
    if found:
        title, must_be, *_ = declared[found[1]]
        return BadRequest(f"“{title}”{must_be}", param=found[1])
    raise AssertionError(f"msgspec words its errors in a new way: {problem}")


def read_parameters(
    request: httputil.HTTPServerRequest, kinds: tuple[type[msgspec.Struct], ...]
) -> dict[str, object]:
    """Return those parameters of a request that one of `kinds` declares: of the query and, with POST, of the
    body (JSON or a form).

    Parameters of the body replace those of the query with the same name. Raises BadRequest if the body is not
    what its content type says, HTTPError 400 if it is a form that cannot be read.
    """
    values: dict[str, object] = {name: _decoded(found) for name, found in request.query_arguments.items()}
    if request.body and request.method == "POST":
        values.update(_body_parameters(request, kinds))
    return values


def kind_of_body(headers: httputil.HTTPHeaders) -> str:
    """Return a body's content type: one of FORMS, or that of JSON."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind if kind in FORMS else "application/json"


def _body_parameters(
    request: httputil.HTTPServerRequest, kinds: tuple[type[msgspec.Struct], ...]
) -> dict[str, object]:
    kind = kind_of_body(request.headers)
    if kind in FORMS:
        content_type = request.headers["Content-Type"]
        if not content_type.startswith(FORMS):  # Tornado reads forms whose type is in small letters
            _, semicolon, options = content_type.partition(";")
            try:
                httputil.parse_body_arguments(
                    kind + semicolon + options, request.body, request.body_arguments, request.files
                )
            except httputil.HTTPInputError:
                raise HTTPError(400) from None
        return {name: _decoded(found) for name, found in request.body_arguments.items()}
    try:
        body = decode(request.body, _undecoded(kinds))
        given = msgspec.structs.asdict(body).items()
        return {name: _value(found) for name, found in given if found is not msgspec.UNSET}
    except msgspec.ValidationError:
        raise BadRequest("请求的 JSON 应为一个对象") from None
    except ValueError:
        raise BadRequest("请求的 JSON 无法解析，应为一个 JSON 对象") from None


@cache
def _undecoded(kinds: tuple[type[msgspec.Struct], ...]) -> type[msgspec.Struct]:
    """Return a struct with the parameters of all `kinds`. All else in a body is passed over, which takes a
    tenth of the time that decoding would."""
    names = sorted({name for kind in kinds for name in _declared(kind)})
    return msgspec.defstruct(
        "Body", [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in names]
    )


def _value(found: msgspec.Raw) -> object:
    """Return a parameter's value. Of a long value that is no text, only say so: an empty object."""
    long = memoryview(found).nbytes > BODY_BYTES
    return {} if long and not bytes(found).startswith(b'"') else decode(found)


def _decoded(found: list[bytes]) -> str:
    """Return the last of a parameter's values. Bytes that are not UTF-8 become surrogates, which `parse`
    refuses."""
    return found[-1].decode(errors="surrogateescape")
