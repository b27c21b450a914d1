"""Everything behind the handlers: settings, stores, the dig engine, WeChat, pictures."""

__version__ = "0.1.0"
