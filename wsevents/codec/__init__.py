"""Pure algorithms that a dialect and a client of it share."""
