"""Paying, prizes, shipping, and a treasure's statement."""
