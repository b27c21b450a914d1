"""What operators look at: the feed, heartbeats, alarms, and whether the stores
answer."""
