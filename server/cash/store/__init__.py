"""Orders, bills, refunds and the ledger, one collection per file."""

from typing import Any

from server.cash.store.bills import Bills
from server.cash.store.ledger import Ledger
from server.cash.store.orders import Orders
from server.cash.store.payouts import Payouts
from server.cash.store.refunds import Refunds
from server.cash.store.risks import Risks
from server.store.documents import Documents
from server.store.driver import Database


class Books:
    """The collections that only red packets need; a store without cash has none of them."""

    def __init__(self, database: Database) -> None:
        self.orders = Orders(database)
        self.bills = Bills(database)
        self.refunds = Refunds(database)
        self.ledger = Ledger(database)
        self.risks = Risks(database)
        self.payouts = Payouts(database)

    @property
    def stores(self) -> list[Documents[Any]]:
        """The parts that keep documents of their own."""
        return [self.orders, self.bills, self.refunds, self.ledger, self.risks]
