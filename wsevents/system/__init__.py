"""The operating system: sockets, signals, systemd, exit status."""
