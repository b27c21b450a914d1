"""What one process keeps in memory between requests: what it read, and who waits for what.

Nothing here is the truth. If the process dies, nothing that was answered is lost; its clients ask again.
"""
