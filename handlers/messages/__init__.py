"""Messages to people who left: their consents, and reminders."""
