"""A treasure's life: it is published, opened, dug, won, ended and proved."""
