"""Information for operators: metrics, sessions and health, and the status listener that serves them."""
