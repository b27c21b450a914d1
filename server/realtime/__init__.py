"""What open pages are told, as it happens: frames, who watches what, and the news between processes."""
