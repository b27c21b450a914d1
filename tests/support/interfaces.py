"""All interfaces of a server that takes red packets."""

from handlers.base import Interface
from handlers.cash import routes as cash
from handlers.ops.screen import OPS_INTERFACES
from server.app import INTERFACES

ALL: tuple[type[Interface], ...] = (*INTERFACES, *OPS_INTERFACES, *cash.INTERFACES)
# Those that people use.
OURS = tuple(interface for interface in ALL if not interface.path.startswith("/ops"))
