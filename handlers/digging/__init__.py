"""Treasures: publishing, digging, their pages, lists, and proofs."""
