"""Endpoint strings and certificates: what they mean, and whether they can be used."""
