"""Messages to people who left, and their consents."""
