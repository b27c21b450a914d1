"""The leader: which process leads, what it sweeps and repeats, and what it deletes."""
