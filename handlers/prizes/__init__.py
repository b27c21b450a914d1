"""Prizes, shipping, and a treasure's statement."""
