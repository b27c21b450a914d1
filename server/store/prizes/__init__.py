"""Prizes that were won, and what freezes them."""
