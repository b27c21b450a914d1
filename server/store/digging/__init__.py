"""Tasks, their digs, who visited them, and the square."""
