"""What one process keeps in memory between requests: what it read, and who waits for what.

Nothing here is the truth. If the process dies, nothing is lost that was answered; its clients ask again.
"""
