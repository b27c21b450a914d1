"""Reads for a crowd that asks at once, put to the store together: people, visits, the square."""
