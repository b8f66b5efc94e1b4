"""The way in: ports, whom a proxy speaks for, who may connect and when, the head of the first request."""
