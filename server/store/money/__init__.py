"""Orders, prizes, bills, refunds, the ledger, and what holds a payout."""
