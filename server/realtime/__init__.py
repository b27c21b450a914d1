"""What open pages are told while things happen: frames, who watches what, and the news between processes."""
