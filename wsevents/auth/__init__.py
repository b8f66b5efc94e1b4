"""Authenticators, and what they share: the HTTP client, the look-up cache, the token digest."""
