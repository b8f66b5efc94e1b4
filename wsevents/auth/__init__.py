"""Authenticators and their shared parts: the HTTP client, the lookup cache, the token digest."""
