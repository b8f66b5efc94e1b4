"""WebSocket frames from the gateway to a peer (RFC 6455 section 5.2); the same bytes for all."""

from __future__ import annotations

_FIN, _TEXT, _CONTINUATION = 0x80, 0x1, 0x0
_SHORT, _MEDIUM = 126, 65536


def text_frames(payload: bytes, frame_max: int = 0) -> bytes:
    """Return an unmasked text message as wire bytes.

    Args:
        payload: UTF-8 text.
        frame_max: fragment a longer message into frames of at most this payload (section 5.4); 0: never.
    """
    if not frame_max or len(payload) <= frame_max:
        return _header(_FIN | _TEXT, len(payload)) + payload
    pieces = [payload[start : start + frame_max] for start in range(0, len(payload), frame_max)]
    frames = [_header(_TEXT, frame_max), pieces[0]]
    for piece in pieces[1:-1]:
        frames += _header(_CONTINUATION, frame_max), piece
    frames += _header(_FIN | _CONTINUATION, len(pieces[-1])), pieces[-1]
    return b"".join(frames)


def _header(first: int, length: int) -> bytes:
    if length < _SHORT:
        return bytes((first, length))
    if length < _MEDIUM:
        return bytes((first, 126)) + length.to_bytes(2)
    return bytes((first, 127)) + length.to_bytes(8)
