"""The people, and all places in the database that name a person."""
