"""The way in: whom a proxy speaks for, who may connect and when, and the head of the first request."""
