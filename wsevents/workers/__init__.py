"""Worker processes that serve the same listeners, and the supervisor that starts and monitors them."""
