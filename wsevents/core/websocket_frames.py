"""Encode WebSocket frames from the gateway (RFC 6455 section 5.2). All peers share the bytes of a frame."""

from __future__ import annotations

import zlib
from functools import cached_property

from attrs import define

_FIN, _COMPRESSED, _TEXT, _CONTINUATION = 0x80, 0x40, 0x1, 0x0
_SHORT, _MEDIUM = 126, 65536
_TAIL = b"\x00\x00\xff\xff"


@define(eq=False, slots=False)
class Message:
    """A text message to many peers, framed once and compressed at most once.

    Attributes:
        payload: UTF-8 text.
        frame_max: see `text_frames`.
        plain: the uncompressed wire bytes.
    """

    payload: bytes
    frame_max: int = 0
    plain: bytes = b""

    def __attrs_post_init__(self) -> None:
        self.plain = text_frames(self.payload, self.frame_max)

    @cached_property
    def deflated(self) -> bytes:
        """The wire bytes for permessage-deflate (RFC 7692), without context and so the same for all peers."""
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = compressor.compress(self.payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return text_frames(data.removesuffix(_TAIL), self.frame_max, _COMPRESSED)


def text_frames(payload: bytes, frame_max: int = 0, flags: int = 0) -> bytes:
    """Return an unmasked text message as wire bytes.

    Args:
        payload: UTF-8 text, or its compressed form.
        frame_max: fragment a longer message into frames with at most this payload (section 5.4); 0: never.
        flags: reserved bits of the first frame for extensions (section 5.2).
    """
    if not frame_max or len(payload) <= frame_max:
        return _header(_FIN | flags | _TEXT, len(payload)) + payload
    pieces = [payload[start : start + frame_max] for start in range(0, len(payload), frame_max)]
    frames = [_header(flags | _TEXT, frame_max), pieces[0]]
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
