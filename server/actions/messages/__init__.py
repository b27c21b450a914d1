"""Messages to people who left: written, worded, sent."""
