"""What prompt caches did with a log, and would have done under every policy."""
