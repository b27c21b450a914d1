"""WeChat's stand-in for development: routes under `/sandbox` that answer as WeChat's servers do.

Nothing but the route table may import this package: to the rest of the server WeChat is an address.
Replies have WeChat's shapes, not ours. All state is in MongoDB, so that any process may serve the next
request and a restart changes nothing.
"""

from __future__ import annotations

from tornado.routing import URLSpec

from server.context import Context
from server.sandbox.avatars import Avatar
from server.sandbox.codes import MiniProgramCode, StableToken
from server.sandbox.login import Authorize, CodeToSession

__all__ = ["sandbox_routes"]


def sandbox_routes(context: Context) -> list[URLSpec]:
    """Return the stand-in's routes. Raises RuntimeError in production and where WeChat is configured."""
    if not context.settings.sandboxed or context.settings.app_env == "production":
        raise RuntimeError("the WeChat sandbox lets anybody log in as anybody: it exists in development only")
    handed = {"context": context}
    return [
        URLSpec(r"/sandbox/authorize", Authorize, handed),
        URLSpec(r"/sandbox/avatar/([0-9a-f]{32}|grey)\.png", Avatar, handed),
        URLSpec(r"/sandbox/sns/jscode2session", CodeToSession, handed),
        URLSpec(r"/sandbox/cgi-bin/stable_token", StableToken, handed),
        URLSpec(r"/sandbox/wxa/getwxacodeunlimit", MiniProgramCode, handed),
    ]
