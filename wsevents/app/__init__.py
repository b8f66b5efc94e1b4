"""One gateway as a service: composition, start, reload, drain and stop."""
