"""Encode and decode frames of AMQP 0-9-1 (section 4.2). Pure functions.

They replace txamqp's codec, which counts characters instead of bytes, guesses whether bytes are text, and
supports only three types of table values.
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
"""Bytes of a frame without its payload."""

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
    """Return a frame with this type, channel and payload."""
    return _HEAD.pack(kind, channel, len(payload)) + payload + bytes((END,))


def encode_ack(channel: int, tag: int) -> bytes:
    """Return a basic.ack frame for every delivery up to this tag."""
    return _ACK.pack(METHOD, channel, 13, _BASIC, 80, tag, 1, END)


def encode_method(channel: int, method: Any, args: Sequence[Any]) -> bytes:
    """Return the frame of a method with these arguments.

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
        ValueError: the payload is truncated, or the method is unknown.
    """
    try:
        klass, index = _IDS.unpack_from(payload)
        method = spec.classes.byid[klass].methods.byid[index]
        return Method(method, *_arguments(method, payload))
    except KeyError:
        raise ValueError(f"unknown method {klass}.{index}") from None
    except (IndexError, error):
        raise ValueError("truncated method") from None


def encode_content(channel: int, content: Content, frame_max: int) -> Iterator[bytes]:
    """Yield the frames of a message: the header, then the body in frames of at most `frame_max` bytes.

    Raises:
        ValueError: the body is not bytes, or a property is unknown or does not fit.
    """
    if not isinstance(content.body, bytes):
        raise ValueError("the body is not bytes")  # noqa: TRY004 callers handle one exception type
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
    """Return the body size and the property flags of a content header. Raises ValueError."""
    try:
        _, _, size, flags = _CONTENT.unpack_from(payload)
    except error:
        raise ValueError("truncated content header") from None
    return size, flags


def decode_headers(payload: bytes, flags: int) -> dict[str, Any]:
    """Return the `headers` table of a content header; skip the two properties before it.

    Raises:
        ValueError: the table cannot be decoded, see `table.decode_table`.
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
        raise ValueError("truncated content header") from None
    return decode_table(payload, pos + 4, pos + 4 + size)


def _encode(kind: str, value: Any, name: str) -> bytes:
    try:
        return _ENCODERS[kind](value)
    except (ValueError, error) as problem:
        raise ValueError(f"{name}: {problem}") from None


def _pack_bits(bits: list[bool]) -> bytes:
    """Return the collected bits as octets, lowest bit first, and clear the list."""
    number = sum(1 << position for position, bit in enumerate(bits) if bit)
    size = (len(bits) + 7) // 8
    bits.clear()
    return number.to_bytes(size, "little")


def _arguments(method: Any, payload: bytes) -> Iterator[Any]:
    """Yield the values of the fields; consecutive bits share an octet."""
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
    """Return the value of this type at `pos`, and the position after it."""
    if kind in _NUMBERS:
        struct = _NUMBERS[kind]
        return struct.unpack_from(payload, pos)[0], pos + struct.size
    length = _NUMBERS["octet" if kind == "shortstr" else "long"]
    start = pos + length.size
    end = start + length.unpack_from(payload, pos)[0]
    if end > len(payload):
        raise ValueError("truncated method")
    if kind == "table":
        return decode_table(payload, start, end), end
    return payload[start:end].decode("utf-8", "replace"), end
