"""Identity: login, name and picture."""
