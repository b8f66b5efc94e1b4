"""The plug-in API: interfaces, events, requests, identity, effects, close reasons, errors, settings.

No module of this package does I/O.
"""
