"""Everything behind the handlers: settings, stores, the dig engine, WeChat, pictures."""

import os

# The number of Motor's threads, which Motor reads when it is imported. Each thread runs one operation. While
# MongoDB elects a primary, operations take seconds; with Motor's default, five threads per core, no other
# operation could begin meanwhile.
os.environ.setdefault("MOTOR_MAX_WORKERS", "100")

__version__ = "2.0.0"
