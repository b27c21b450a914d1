"""Parameters: their types, and how a request's parameters become a declared struct.

Nothing here answers a request or reads a store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta
from tornado import httputil

from server.errors import BadRequest
from server.plain_text import lines, one_line

Unionid = Annotated[
    str,
    Meta(min_length=1, max_length=128, pattern=r"\A[0-9A-Za-z:_\-]+\Z", description="登录时得到的 unionid"),
]
Code = Annotated[str, Meta(pattern=r"\A[0-9A-Za-z]{12}\Z", description="12 位字母或数字的宝贝编号")]
CodeOrShare = Annotated[
    str,
    Meta(pattern=r"\A[0-9A-Za-z]{12}(?:[0-9A-Za-z]{8})?\Z", description="宝贝编号（12 位）或分享码（20 位）"),
]
Page = Annotated[int, Meta(ge=1, le=1_000_000, description="1 到 1000000 的整数")]
Flag = Annotated[int, Meta(ge=0, le=1, description="0 或 1")]

NOT_BLANK = r"\S"
# How a text is cleaned before it is checked, because other people will see it.
ONE_LINE: dict[str, object] = {"keeps": one_line}
LINES: dict[str, object] = {"keeps": lines}

_WHOLE = re.compile("-?[0-9]{1,19}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# How msgspec words its errors.
_MISSING = re.compile(r"missing required field `(\w+)`")
_PLACE = re.compile(r"at `\$\.(\w+)")

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class _Declared(NamedTuple):
    """A parameter as its struct declares it. `must_be` is the end of a refusal; `whole`: a whole number.

    `keeps` returns what is kept of a text.
    """

    must_be: str
    whole: bool
    keeps: Callable[[str], str] | None


def parse(kind: type[_Struct], values: Mapping[str, object]) -> _Struct:
    """Return `values` as the declared `kind`. Whole numbers may be texts. Empty texts and null are absent.

    Raises BadRequest, which names the parameter and what it must be, as declared.
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
                raise BadRequest(f"参数 {name} {parameter.must_be}")
        elif isinstance(value, str) and not _is_text(value):
            raise BadRequest(f"参数 {name} {parameter.must_be}，不能含有特殊字符")
        elif isinstance(value, str) and parameter.keeps is not None:
            value = parameter.keeps(value)
        present[name] = value
    try:
        return msgspec.convert(present, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(declared, str(error))) from None


def whole_number(value: object) -> int | None:
    """Return a parameter, number or text, as a whole number; None if it is not one."""
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_text(value: str) -> bool:
    """Whether it has no lone surrogates, which UTF-8 cannot encode, and no NULs, which MongoDB may refuse."""
    return "\x00" not in value and not _SURROGATE.search(value)


@cache
def _declared(kind: type[msgspec.Struct]) -> dict[str, _Declared]:
    return {field.encode_name: _declaration(field.type) for field in msgspec.structs.fields(kind)}


def _declaration(kind: Any) -> _Declared:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.UnionType):  # `X | None`: only X says what a value must be
        info = next(part for part in info.types if not isinstance(part, msgspec.inspect.NoneType))
    description, keeps = None, None
    if isinstance(info, msgspec.inspect.Metadata):
        keeps = (info.extra or {}).get("keeps")
        description, info = (info.extra_json_schema or {}).get("description"), info.type
    whole = isinstance(info, msgspec.inspect.IntType)
    description = str(description or ("整数" if whole else "文字"))
    return _Declared(f"应为{' ' if description[0].isascii() else ''}{description}", whole, keeps)


def _explain(declared: Mapping[str, _Declared], problem: str) -> str:
    found = _MISSING.search(problem)
    if found:
        return f"缺少参数 {found[1]}，{declared[found[1]].must_be}"
    found = _PLACE.search(problem)
    if found:
        return f"参数 {found[1]} {declared[found[1]].must_be}"
    raise AssertionError(f"msgspec words its errors in a new way: {problem}")


def read_parameters(request: httputil.HTTPServerRequest, body: bytes) -> dict[str, object]:
    """Return a request's parameters: those of the query and, with POST, of the body (JSON or a form).

    The body's replace the query's of the same name. Raises BadRequest if the body is not what its content
    type says. Uploaded files go into `request.files`, as in Tornado.
    """
    values: dict[str, object] = {name: _decoded(found) for name, found in request.query_arguments.items()}
    if body and request.method == "POST":
        values.update(_body_parameters(request, body))
    return values


def _body_parameters(request: httputil.HTTPServerRequest, body: bytes) -> dict[str, object]:
    kind, semicolon, options = request.headers.get("Content-Type", "application/json").partition(";")
    kind = kind.strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        arguments: dict[str, list[bytes]] = {}
        try:
            httputil.parse_body_arguments(
                kind + semicolon + options, body, arguments, request.files, request.headers
            )
        except httputil.HTTPInputError as error:
            raise BadRequest(f"请求的表单无法解析（{error}），请检查 Content-Type 和内容") from None
        return {name: _decoded(found) for name, found in arguments.items()}
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("请求的 JSON 无法解析，应为一个 JSON 对象") from None
    if not isinstance(decoded, dict):
        raise BadRequest('请求的 JSON 应为一个对象，例如 {"unionid": "…"}')
    return decoded


def _decoded(found: list[bytes]) -> str:
    """Return a name's last value. Bytes that are not UTF-8 become surrogates, which `parse` refuses."""
    return found[-1].decode(errors="surrogateescape")
