"""Prizes: claimed, frozen or released, shipped, handed over."""
