"""What a plug-in imports: interfaces, events, requests, identity, effects, close reasons, errors, settings.

Nothing here does I/O.
"""
