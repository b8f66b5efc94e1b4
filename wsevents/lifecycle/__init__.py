"""Start, reload and stop: what the service manager says and hears, and a new configuration."""
