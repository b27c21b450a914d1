"""The people, and all places that name one."""
