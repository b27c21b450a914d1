"""What operators look at: the feed, heartbeats, alarms, and the books."""
