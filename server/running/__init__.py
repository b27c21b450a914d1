"""The processes: the supervisor, its workers, and the stores that it starts."""
