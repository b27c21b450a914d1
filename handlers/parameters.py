"""What requests are made of: parameter types, and how a request's parameters become a declared struct.

No tornado request is answered here and no store is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from tornado import httputil

from server.errors import BadRequest

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

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def parse(kind: type[_Struct], values: Mapping[str, object]) -> _Struct:
    """Return `values` as the declared `kind`; whole numbers may be strings, empty strings are absent.

    Raises BadRequest naming the parameter and what it must be, as its declaration describes it.
    """
    present = {name: value for name, value in values.items() if value is not None and value != ""}
    for name, value in present.items():
        if isinstance(value, str) and ("\x00" in value or not _is_text(value)):
            raise BadRequest(f"{name} 含有不能使用的字符，请改用普通文字")
    try:
        return msgspec.convert(present, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(kind, str(error))) from None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell and UTF-8 cannot
        return False
    return True


def _explain(kind: type[msgspec.Struct], problem: str) -> str:
    found = re.search(r"missing required field `(\w+)`", problem)
    if found:
        return f"缺少参数 {found[1]}，应为{_description(kind, found[1])}"
    found = re.search(r"at `\$\.(\w+)", problem)
    if found:
        return f"参数 {found[1]} 应为{_description(kind, found[1])}"
    return f"请求的内容有误：{problem}"


def _description(kind: type[msgspec.Struct], name: str) -> str:
    for field in msgspec.structs.fields(kind):
        if field.encode_name == name:
            return _described(field.type)
    return "有效的值"


def _described(kind: Any) -> str:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.UnionType):  # `X | None`: an absent one is fine, so X describes it
        info = next(part for part in info.types if not isinstance(part, msgspec.inspect.NoneType))
    if isinstance(info, msgspec.inspect.Metadata):
        described = (info.extra_json_schema or {}).get("description")
        if described:
            return str(described)
    return "文字" if "Str" in type(info).__name__ else "整数"


def read_parameters(request: httputil.HTTPServerRequest, body: bytes) -> dict[str, object]:
    """Return a request's parameters: the query's, and over them the body's (JSON, form or multipart).

    Raises BadRequest where the body is not what its content type says. Uploaded files end up in
    `request.files`, as in Tornado.
    """
    values: dict[str, object] = {}
    for name, found in request.query_arguments.items():
        values[name] = _decoded(name, found[-1])
    if body:
        values.update(_body_parameters(request, body))
    return values


def _body_parameters(request: httputil.HTTPServerRequest, body: bytes) -> dict[str, object]:
    content_type = request.headers.get("Content-Type", "application/json")
    essence = content_type.partition(";")[0].strip().lower()
    if essence in ("application/x-www-form-urlencoded", "multipart/form-data"):
        arguments: dict[str, list[bytes]] = {}
        try:
            httputil.parse_body_arguments(content_type, body, arguments, request.files, request.headers)
        except httputil.HTTPInputError as error:
            raise BadRequest(f"请求的表单无法解析（{error}），请检查 Content-Type 和内容") from None
        return {name: _decoded(name, found[-1]) for name, found in arguments.items()}
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("请求的 JSON 无法解析，应为一个 JSON 对象") from None
    if not isinstance(decoded, dict):
        raise BadRequest('请求的 JSON 应为一个对象，例如 {"unionid": "…"}')
    return decoded


def _decoded(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"参数 {name[:40]!r} 不是 UTF-8 文字") from None
