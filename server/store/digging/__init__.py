"""Tasks, their digs and proofs, who visited them, and the square."""
