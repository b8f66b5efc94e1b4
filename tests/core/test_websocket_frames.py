"""Frames, read back by the rules of RFC 6455 section 5.2."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.websocket_frames import Message, text_frames


def read(wire):
    """Return the frames in `wire` as (fin, opcode, payload)."""
    frames = []
    while wire:
        first, length, start = wire[0], wire[1], 2
        assert not length & 0x80, "a server does not mask"
        if length == 126:
            length, start = int.from_bytes(wire[2:4]), 4
            assert length >= 126
        elif length == 127:
            length, start = int.from_bytes(wire[2:10]), 10
            assert length >= 65536
        frames.append((bool(first & 0x80), first & 0x0F, wire[start : start + length]))
        wire = wire[start + length :]
    return frames


@given(st.sampled_from([0, 1, 125, 126, 127, 65535, 65536, 70000]))
def test_a_message_is_one_final_text_frame(size):
    payload = b"x" * size
    assert read(text_frames(payload)) == [(True, 1, payload)]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_a_longer_message_is_fragmented_and_only_the_last_frame_is_final(payload, frame_max):
    frames = read(text_frames(payload, frame_max))
    assert b"".join(piece for _, _, piece in frames) == payload
    assert [fin for fin, _, _ in frames] == [False] * (len(frames) - 1) + [True]
    assert [opcode for _, opcode, _ in frames] == [1] + [0] * (len(frames) - 1)
    assert all(len(piece) <= frame_max for _, _, piece in frames)


@given(st.binary(max_size=300), st.integers(0, 50))
def test_a_message_is_compressed_once_and_without_context(payload, frame_max):
    message = Message(payload, frame_max)
    assert message.plain == text_frames(payload, frame_max)
    wire = message.deflated
    assert wire is message.deflated
    frames = read(wire)
    assert wire[0] & 0x40, "RSV1 says that it is compressed (RFC 7692 section 6)"
    assert [opcode for _, opcode, _ in frames] == [1] + [0] * (len(frames) - 1)
    data = b"".join(piece for _, _, piece in frames)
    assert zlib.decompressobj(-15).decompress(data + b"\x00\x00\xff\xff") == payload
