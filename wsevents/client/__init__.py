"""Twisted clients of the dialects: libraries for programs of one's own."""
