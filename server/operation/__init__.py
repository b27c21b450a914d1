"""What operators look at: the feed, heartbeats, alarms, and the audit of the ledger."""
