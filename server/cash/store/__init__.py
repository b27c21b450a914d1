"""Orders, bills, refunds and the ledger, one collection per file."""
