"""What is served only where red packets are taken."""

from handlers.base import Interface
from handlers.cash.money import OpsMoney
from handlers.cash.paid import OpsPaid
from handlers.cash.payments import Notified, PayTask

__all__ = ("INTERFACES", "NOTICES", "Notified")

INTERFACES: tuple[type[Interface], ...] = (PayTask, OpsMoney, OpsPaid)
NOTICES = r"/(?:pay|refund|transfer)Notify"
