"""What changes a person: login, name, ban, erasure."""
