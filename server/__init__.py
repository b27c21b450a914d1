"""Everything behind the handlers: settings, stores, the dig engine, WeChat, pictures."""

import os

# Motor's threads; it reads this when it is imported. Each holds one operation. While MongoDB elects a
# primary, operations take seconds, and with Motor's own number, five a core, no other could begin.
os.environ.setdefault("MOTOR_MAX_WORKERS", "100")

__version__ = "0.1.0"
