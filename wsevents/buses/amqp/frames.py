"""Frames of AMQP 0-9-1 (section 4.2) as bytes and as values; pure functions.

In place of txamqp's own, which count characters instead of bytes, guess whether bytes are text,
and know three types of table values.
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING, Any

from txamqp.connection import Method

from wsevents.buses.amqp.spec import BODY, END, HEADER, METHOD, PROPERTIES
from wsevents.buses.amqp.table import decode_table, encode_longstr, encode_shortstr, encode_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from txamqp.content import Content

OVERHEAD = 8
"""Bytes of a frame beside its payload."""

_BASIC = 60
_HEAD = Struct(">BHL")
_IDS = Struct(">HH")
_CONTENT = Struct(">HHQH")
_ACK = Struct(">BHLHHQBB")
_NUMBERS = {"octet": Struct(">B"), "short": Struct(">H"), "long": Struct(">L"), "longlong": Struct(">Q")}
_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "shortstr": encode_shortstr,
    "longstr": encode_longstr,
    "table": encode_table,
    **{kind: struct.pack for kind, struct in _NUMBERS.items()},
}


def encode_frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a whole frame."""
    return _HEAD.pack(kind, channel, len(payload)) + payload + bytes((END,))


def encode_ack(channel: int, tag: int) -> bytes:
    """Return the frame that acknowledges every delivery up to this tag."""
    return _ACK.pack(METHOD, channel, 13, _BASIC, 80, tag, 1, END)


def encode_method(channel: int, method: Any, args: Sequence[Any]) -> bytes:
    """Return the frame of a method of the specification with these arguments.

    Raises:
        ValueError: an argument does not fit its field.
    """
    out = bytearray(_IDS.pack(method.klass.id, method.id))
    bits: list[bool] = []
    for field, arg in zip(method.fields, args, strict=True):
        if field.type == "bit":
            bits.append(bool(arg))
            continue
        out += _pack_bits(bits)
        out += _encode(field.type, arg, field.name)
    out += _pack_bits(bits)
    return encode_frame(METHOD, channel, bytes(out))


def decode_method(spec: Any, payload: bytes) -> Method:
    """Return the method in the payload of a method frame.

    Raises:
        ValueError: it is cut off, or the specification does not have it.
    """
    try:
        klass, index = _IDS.unpack_from(payload)
        method = spec.classes.byid[klass].methods.byid[index]
        return Method(method, *_arguments(method, payload))
    except KeyError:
        raise ValueError(f"unknown method {klass}.{index}") from None
    except (IndexError, error):
        raise ValueError("a method is cut off") from None


def encode_content(channel: int, content: Content, frame_max: int) -> Iterator[bytes]:
    """Return the frames of a message: header, then the body in as many as it needs.

    Raises:
        ValueError: the body is not bytes, or a property does not fit or is unknown.
    """
    if not isinstance(content.body, bytes):
        raise ValueError("a body is bytes")  # noqa: TRY004 one kind of error for callers
    if unknown := set(content.properties) - {name for name, _ in PROPERTIES}:
        raise ValueError(f"unknown properties {sorted(unknown)}")
    flags, values = 0, b""
    for position, (name, kind) in enumerate(PROPERTIES):
        value = content.properties.get(name)
        if value is not None:
            flags |= 0x8000 >> position
            values += _encode(kind, value, name)
    body, chunk = content.body, frame_max - OVERHEAD
    yield encode_frame(HEADER, channel, _CONTENT.pack(_BASIC, 0, len(body), flags) + values)
    for start in range(0, len(body), chunk):
        yield encode_frame(BODY, channel, body[start : start + chunk])


def decode_header(payload: bytes) -> tuple[int, int]:
    """Return the size of the body and the flags of the properties, of a content header."""
    try:
        _, _, size, flags = _CONTENT.unpack_from(payload)
    except error:
        raise ValueError("a content header is cut off") from None
    return size, flags


def decode_headers(payload: bytes, flags: int) -> dict[str, Any]:
    """Return the table `headers` of a content header; the two properties before it are skipped.

    Raises:
        ValueError: it cannot be decoded, see `table.decode_table`.
    """
    if not flags & 0x2000:
        return {}
    pos = _CONTENT.size
    try:
        for flag in 0x8000, 0x4000:
            if flags & flag:
                pos += 1 + payload[pos]
        (size,) = _NUMBERS["long"].unpack_from(payload, pos)
    except (IndexError, error):
        raise ValueError("a content header is cut off") from None
    return decode_table(payload, pos + 4, pos + 4 + size)


def _encode(kind: str, value: Any, name: str) -> bytes:
    try:
        return _ENCODERS[kind](value)
    except (ValueError, error) as mistake:
        raise ValueError(f"{name}: {mistake}") from None


def _pack_bits(bits: list[bool]) -> bytes:
    """Return the bits collected so far as octets, lowest bit first, and forget them."""
    number = sum(1 << position for position, bit in enumerate(bits) if bit)
    size = (len(bits) + 7) // 8
    bits.clear()
    return number.to_bytes(size, "little")


def _arguments(method: Any, payload: bytes) -> Iterator[Any]:
    """Read the fields one by one; consecutive bits share octets."""
    pos, bit = _IDS.size, 0
    for field in method.fields:
        if field.type == "bit":
            yield bool(payload[pos + bit // 8] >> bit % 8 & 1)
            bit += 1
            continue
        pos, bit = pos + (bit + 7) // 8, 0
        value, pos = _decode(field.type, payload, pos)
        yield value


def _decode(kind: str, payload: bytes, pos: int) -> tuple[Any, int]:
    """Return a value of this type and the position after it."""
    if kind in _NUMBERS:
        struct = _NUMBERS[kind]
        return struct.unpack_from(payload, pos)[0], pos + struct.size
    length = _NUMBERS["octet" if kind == "shortstr" else "long"]
    start = pos + length.size
    end = start + length.unpack_from(payload, pos)[0]
    if end > len(payload):
        raise ValueError("a method is cut off")
    if kind == "table":
        return decode_table(payload, start, end), end
    return payload[start:end].decode("utf-8", "replace"), end
