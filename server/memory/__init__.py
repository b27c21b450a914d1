"""What one process keeps in memory between requests: what it read, and who waits for a read, a write or lots.

Nothing here is the truth. If the process dies, nothing is lost that was answered; its clients ask again.
"""
