"""From an accepted connection to a session: listeners, handshake, peers, timers, registry."""
