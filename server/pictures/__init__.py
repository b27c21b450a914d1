"""Decoding and drawing pictures, and the processes that do it."""
