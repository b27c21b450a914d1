"""Five ways to send the same 200-byte message to all connections, each as a server of its own.

    python bench/parts/senders.py KIND

The server prints its port and then reads commands, one per line: `send` sends the message once to all; `cpu`
prints the microseconds of CPU that the process has used so far. It ends when its input ends.
"""

import asyncio
import resource
import socket
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import socketio
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, WebSocketProtocol13
from websockets.asyncio.server import ServerConnection, broadcast, serve

from handlers.websocket import Socket
from server.realtime.frames import text_frame
from server.realtime.watched_task import send_to_all

PAYLOAD = b'{"type":"cd","text":"' + b"x" * 177 + b'"}'
BACKLOG = 4096

Send = Callable[[], Awaitable[None] | None]


def ours(listener: socket.socket) -> Send:
    """The class of `/ws`; the frame is encoded once, in advance."""
    watching: list[Socket] = []
    frame = text_frame(PAYLOAD)

    class Watching(Socket):
        async def open(self, *args: str, **kwargs: str) -> None:
            await super().open()
            watching.append(self)

    HTTPServer(Application([("/", Watching)])).add_socket(listener)

    return lambda: send_to_all(watching, frame)


def write_message(listener: socket.socket) -> Send:
    """Tornado's `write_message`, in a loop."""
    watching: list[WebSocketHandler] = []

    class Watching(WebSocketHandler):
        def open(self, *args: str, **kwargs: str) -> None:
            self.set_nodelay(True)
            watching.append(self)

        def on_message(self, message: str | bytes) -> None:
            raise NotImplementedError

    HTTPServer(Application([("/", Watching)])).add_socket(listener)
    text = PAYLOAD.decode()

    def send() -> None:
        for watcher in watching:
            watcher.write_message(text)

    return send


async def websockets_broadcast(listener: socket.socket) -> Send:
    """python-websockets' `broadcast`."""
    watching: set[ServerConnection] = set()

    async def watch(connection: ServerConnection) -> None:
        watching.add(connection)
        await connection.wait_closed()

    await serve(watch, sock=listener, compression=None, ping_interval=None)
    text = PAYLOAD.decode()
    return lambda: broadcast(watching, text)


def socketio_room(listener: socket.socket) -> Send:
    """python-socketio, emitting to a room."""
    server = socketio.AsyncServer(async_mode="tornado", ping_interval=3600)

    @server.event  # type: ignore[untyped-decorator]
    async def connect(sid: str, environ: object) -> None:
        await server.enter_room(sid, "task")

    handler = socketio.get_tornado_handler(server)
    HTTPServer(Application([("/socket.io/", handler)])).add_socket(listener)
    text = PAYLOAD.decode()
    return lambda: server.emit("cd", text, room="task")


async def bare_loop(listener: socket.socket) -> Send:
    """Only `socket.send`: the fastest possible from Python."""
    watching: list[socket.socket] = []
    frame = text_frame(PAYLOAD)
    loop = asyncio.get_running_loop()

    def accept() -> None:
        connection, _ = listener.accept()
        request = connection.recv(4096).decode()
        key = request.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
        connection.send(
            f"HTTP/1.1 101 {HTTPStatus(101).phrase}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {WebSocketProtocol13.compute_accept_value(key)}\r\n\r\n".encode()
        )
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        watching.append(connection)

    loop.add_reader(listener, accept)

    def send() -> None:
        for connection in watching:
            connection.send(frame)

    return send


KINDS: dict[str, Callable[[socket.socket], Send | Awaitable[Send]]] = {
    "ours": ours,
    "write_message": write_message,
    "websockets.broadcast": websockets_broadcast,
    "python-socketio": socketio_room,
    "bare loop": bare_loop,
}


async def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    (listener,) = bind_sockets(0, "127.0.0.1", backlog=BACKLOG)
    made = KINDS[sys.argv[1]](listener)
    send = await made if isinstance(made, Awaitable) else made
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    print(listener.getsockname()[1], flush=True)
    while command := await commands.readline():
        if command == b"send\n":
            sent = send()
            if sent is not None:
                await sent
        else:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(round(1e6 * (used.ru_utime + used.ru_stime)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
