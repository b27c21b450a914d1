"""Reads MongoDB's messages from sockets, decodes commands, and encodes replies.

The format is https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/. Only OP_MSG carries
commands; a driver may send the first hello of a connection as OP_QUERY. Nothing is compressed here.
"""

import socket
import struct
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

Document = dict[str, Any]

OP_MSG = 2013
OP_REPLY = 1
MORE_TO_COME = 2
_HEADER = struct.Struct("<iiii")
_CHUNK = 1 << 14  # a larger buffer would need a new memory mapping for each read
_INT = struct.Struct("<i")


class Gone(Exception):
    """The other end has closed the connection."""


class Stream:
    """Reads whole messages from a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._held = b""

    def read(self) -> bytes:
        """Return the next message. Raises Gone at the end of the connection."""
        held = self._held
        while len(held) < 4 or len(held) < _INT.unpack_from(held)[0]:
            chunk = self.socket.recv(_CHUNK)
            if not chunk:
                raise Gone
            held = held + chunk if held else chunk
        length = _INT.unpack_from(held)[0]
        if len(held) == length:
            self._held = b""
            return held
        self._held = held[length:]
        return held[:length]


def is_command(message: bytes) -> bool:
    """Return whether a message is an OP_MSG."""
    return bool(_INT.unpack_from(message, 12)[0] == OP_MSG)


def more_to_come(message: bytes) -> bool:
    """Return whether the sender sends another message without waiting for an answer to this one."""
    return is_command(message) and bool(_INT.unpack_from(message, 16)[0] & MORE_TO_COME)


def request_id(message: bytes) -> int:
    """Return the number by which a reply names this message."""
    number: int = _INT.unpack_from(message, 4)[0]
    return number


def command_of(message: bytes) -> Document:
    """Return the command that an OP_MSG carries."""
    command: Document = {}
    position = 20
    while position < len(message):
        kind = message[position]
        position = position + 1
        length = _INT.unpack_from(message, position)[0]
        end = position + length
        if kind == 0:
            command = bson.decode(message[position:end]) | command
        else:
            begins = message.index(b"\0", position + 4)
            name = message[position + 4 : begins].decode()
            command[name] = bson.decode_all(message[begins + 1 : end])
        position = end
    return command


def body_of(message: bytes) -> Document:
    """Return the body without document sequences, with batches undecoded: enough to change a reply."""
    length = _INT.unpack_from(message, 21)[0]
    return dict(RawBSONDocument(message[21 : 21 + length]))


def name_of(message: bytes) -> str:
    """Return a command's name: the first key of its body."""
    return message[26 : message.index(b"\0", 26)].decode()


def message_of(document: Document, answers: int = 0) -> bytes:
    """Return an OP_MSG with this body, as an answer to the message with this number."""
    body = b"\0\0\0\0\0" + bson.encode(document)
    return _HEADER.pack(16 + len(body), 1, answers, OP_MSG) + body


def legacy_reply_of(document: Document, answers: int) -> bytes:
    """Return an OP_REPLY with this document: the answer to a hello that came as OP_QUERY."""
    body = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(document)
    return _HEADER.pack(16 + len(body), 1, answers, OP_REPLY) + body
