"""What operators ask: metrics, sessions, health, and the status listener that answers."""
