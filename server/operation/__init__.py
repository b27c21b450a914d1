"""What operators look at: the feed, pulses, alarms, and the books."""
