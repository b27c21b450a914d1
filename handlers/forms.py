"""A `multipart/form-data` body, parsed as it comes: whole fields, and files in pieces.

Nothing here answers a request or keeps a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from server.errors import BadRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# We need one file and one field. A mini-program may send a few more.
PARTS = 20
HEADERS = 8
HEADER_BYTES = 4 << 10  # The most that one header may have.
FIELD_BYTES = 4 << 10
# What was parsed: a field's name and its whole text; or the name of a file's field and some of the file's
# bytes, at first none.
Part: TypeAlias = tuple[str, str | bytes]
_NOT_READ = "请求的表单无法解析，请检查 Content-Type 和内容"


class Form:
    """A parser: `feed` it the body piece by piece. It raises BadRequest if the body is not a form of this
    type."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type[:HEADER_BYTES])
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise BadRequest(_NOT_READ)
        self.complete = False
        self._found: list[Part] = []
        self._parts = 0
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._add_content,
            "on_part_end": self._end,
            "on_end": self._complete,
        }
        try:
            self._parser = MultipartParser(
                boundary, callbacks, max_header_count=HEADERS, max_header_size=HEADER_BYTES
            )
        except FormParserError:
            raise BadRequest(_NOT_READ) from None

    def feed(self, data: bytes) -> list[Part]:
        """Parse more of the body; return the fields and file parts that are complete by now. Raises
        BadRequest."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise BadRequest(_NOT_READ) from None
        found, self._found = self._found, []
        return found

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise BadRequest(f"请求的表单最多有 {PARTS} 项")
        self._name: str | None = None
        self._is_file = False
        self._value = bytearray()
        self._header_name, self._header_value = bytearray(), bytearray()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            kind, options = parse_options_header(self._header_value.decode("latin-1"))
            if kind == b"form-data" and b"name" in options:
                self._name = options[b"name"].decode(errors="replace")
                self._is_file = b"filename" in options
        self._header_name, self._header_value = bytearray(), bytearray()

    def _begin_content(self) -> None:
        if self._name is None:
            raise BadRequest(_NOT_READ)
        if self._is_file:
            self._found.append((self._name, b""))

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._found.append((self._name or "", data[start:end]))
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_BYTES:
            raise BadRequest("请求的表单有一项太长", param=self._name or "")

    def _end(self) -> None:
        if not self._is_file:  # bytes that are not UTF-8 become surrogates, which `parse` refuses
            self._found.append((self._name or "", self._value.decode(errors="surrogateescape")))

    def _complete(self) -> None:
        self.complete = True
