"""The processes: the supervisor, its workers, the stores that it starts, and how a worker accepts
connections."""
