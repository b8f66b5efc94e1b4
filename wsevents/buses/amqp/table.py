"""Encode and decode field tables: the headers of a message and the arguments of a method.

The format is AMQP 0-9-1, section 4.2.5.5, with RabbitMQ's type letters
(https://www.rabbitmq.com/amqp-0-9-1-errata, section 3). Pure functions. Every invalid byte sequence or
value raises ValueError.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from struct import Struct, error
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_DEPTH = 32
"""Nesting depth of tables and arrays, at most. The publisher chooses the depth; the decoder is recursive."""

_SHORTSTR_MAX = 255
_LONG = Struct(">L")
_read_long = _LONG.unpack_from
_S, _T = b"St"


def decode_table(data: bytes, start: int = 0, end: int | None = None) -> dict[str, Any]:
    """Return the table with the entries in `data[start:end]`, which excludes the leading length.

    Strings that are not UTF-8 become bytes; timestamps after the year 9999 become int.

    Raises:
        ValueError: the bytes are not a table, contain an unknown type, or nest deeper than MAX_DEPTH.
    """
    stop = len(data) if end is None else end
    if stop > len(data):
        raise ValueError("truncated table")
    try:
        return _table(data, start, stop, 0)
    except (IndexError, error):
        raise ValueError("truncated table") from None


def encode_table(table: Mapping[str, Any]) -> bytes:
    """Return the table as bytes, with its leading length.

    Raises:
        ValueError: a value has no AMQP type or does not fit its type, or the table nests too deep.
    """
    out = bytearray()
    _write_table(out, table, 0)
    return bytes(out)


def encode_shortstr(text: str | bytes) -> bytes:
    """Return a short string, with its length in bytes. Raises ValueError above 255 bytes."""
    data = text.encode() if isinstance(text, str) else text
    if len(data) > _SHORTSTR_MAX:
        raise ValueError(f"longer than {_SHORTSTR_MAX} bytes")
    return bytes((len(data),)) + data


def encode_longstr(text: str | bytes) -> bytes:
    """Return a long string, with its length in bytes."""
    data = text.encode() if isinstance(text, str) else text
    return _LONG.pack(len(data)) + data


# -- reading ----------------------------------------------------------------------------------
# A reader gets the position after the type letter, and returns the value and the position after it. A
# slice beyond the end is short without an error. But the position moves beyond the end, and `_table` and
# `_array` check it.


def _table(data: bytes, pos: int, end: int, depth: int) -> dict[str, Any]:
    """Return a table. Strings and booleans, the usual types, are decoded inline for speed."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    table: dict[str, Any] = {}
    while pos < end:
        start = pos + 1
        pos = start + data[pos]
        name = data[start:pos].decode("utf-8", "replace")
        kind = data[pos]
        if kind == _S:
            start = pos + 5
            pos = start + _read_long(data, pos + 1)[0]
            raw = data[start:pos]
            try:
                table[name] = raw.decode()
            except UnicodeDecodeError:
                table[name] = raw
        elif kind == _T:
            table[name] = data[pos + 1] != 0
            pos += 2
        else:
            table[name], pos = _value(data, pos, depth)
    if pos != end:
        raise ValueError("truncated table")
    return table


def _array(data: bytes, pos: int, end: int, depth: int) -> list[Any]:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    array = []
    while pos < end:
        value, pos = _value(data, pos, depth)
        array.append(value)
    if pos != end:
        raise ValueError("truncated array")
    return array


def _value(data: bytes, pos: int, depth: int) -> tuple[Any, int]:
    """Return the value at its type letter, and the position after it."""
    kind = data[pos : pos + 1]
    number = _NUMBERS.get(kind)
    if number is not None:
        return number.unpack_from(data, pos + 1)[0], pos + 1 + number.size
    reader = _READERS.get(kind)
    if reader is None:
        raise ValueError(f"unknown type {kind!r} in a table")
    return reader(data, pos + 1, depth)


def _read_table(data: bytes, pos: int, depth: int) -> tuple[Any, int]:
    end = pos + 4 + _read_long(data, pos)[0]
    return _table(data, pos + 4, end, depth + 1), end


def _read_array(data: bytes, pos: int, depth: int) -> tuple[Any, int]:
    end = pos + 4 + _read_long(data, pos)[0]
    return _array(data, pos + 4, end, depth + 1), end


def _read_bytes(data: bytes, pos: int, _: int) -> tuple[Any, int]:
    end = pos + 4 + _read_long(data, pos)[0]
    return data[pos + 4 : end], end


def _read_text(data: bytes, pos: int, depth: int) -> tuple[Any, int]:
    raw, end = _read_bytes(data, pos, depth)
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        return raw, end


def _read_bool(data: bytes, pos: int, _: int) -> tuple[Any, int]:
    return data[pos] != 0, pos + 1


def _read_void(_: bytes, pos: int, __: int) -> tuple[Any, int]:
    return None, pos


def _read_time(data: bytes, pos: int, _: int) -> tuple[Any, int]:
    (seconds,) = _TIME.unpack_from(data, pos)
    try:
        return datetime.fromtimestamp(seconds, UTC), pos + 8
    except (ValueError, OverflowError, OSError):
        return seconds, pos + 8


def _read_decimal(data: bytes, pos: int, _: int) -> tuple[Any, int]:
    scale, unscaled = _DECIMAL.unpack_from(data, pos)
    return Decimal((int(unscaled < 0), _digits(unscaled), -scale)), pos + 5


def _digits(number: int) -> tuple[int, ...]:
    return tuple(map(int, str(abs(number))))


_TIME = Struct(">Q")
_DECIMAL = Struct(">Bi")
_NUMBERS = {
    b"I": Struct(">i"),
    b"l": Struct(">q"),
    b"L": Struct(">q"),
    b"d": Struct(">d"),
    b"f": Struct(">f"),
    b"b": Struct(">b"),
    b"B": Struct(">B"),
    b"s": Struct(">h"),
    b"u": Struct(">H"),
    b"i": Struct(">L"),
}
_READERS: dict[bytes, Callable[[bytes, int, int], tuple[Any, int]]] = {
    b"S": _read_text,
    b"t": _read_bool,
    b"F": _read_table,
    b"A": _read_array,
    b"x": _read_bytes,
    b"V": _read_void,
    b"T": _read_time,
    b"D": _read_decimal,
}


# -- writing ----------------------------------------------------------------------------------


def _write_table(out: bytearray, table: Mapping[str, Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    start = len(out)
    out += b"\0\0\0\0"
    for name, value in table.items():
        if not isinstance(name, str):
            raise ValueError(f"the name {name!r} is not text")  # noqa: TRY004 callers handle one exception type
        out += encode_shortstr(name)
        _write_value(out, value, depth)
    _LONG.pack_into(out, start, len(out) - start - 4)


def _write_array(out: bytearray, array: Sequence[Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    start = len(out)
    out += b"\0\0\0\0"
    for value in array:
        _write_value(out, value, depth)
    _LONG.pack_into(out, start, len(out) - start - 4)


def _write_value(out: bytearray, value: Any, depth: int) -> None:
    """Append the type letter and the value."""
    if isinstance(value, dict):
        out += b"F"
        _write_table(out, value, depth + 1)
    elif isinstance(value, list | tuple):
        out += b"A"
        _write_array(out, value, depth + 1)
    else:
        out += _scalar(value)


def _scalar(value: Any) -> bytes:  # noqa: PLR0911 one return per type
    if value is None:
        return b"V"
    if isinstance(value, bool):  # before int: bool is a subclass
        return b"t\1" if value else b"t\0"
    if isinstance(value, str):
        return b"S" + encode_longstr(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, bytes):
        return b"x" + encode_longstr(value)
    if isinstance(value, float):
        return b"d" + _NUMBERS[b"d"].pack(value)
    if isinstance(value, datetime):
        return b"T" + _seconds(value)
    if isinstance(value, Decimal):
        return b"D" + _decimal(value)
    raise ValueError(f"{type(value).__name__} has no AMQP type")


def _integer(value: int) -> bytes:
    for kind in b"I", b"l":
        try:
            return kind + _NUMBERS[kind].pack(value)
        except error:
            continue
    raise ValueError("the integer has more than 64 bits")


def _seconds(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ValueError("the time has no time zone")
    try:
        return _TIME.pack(int(value.timestamp()))
    except error:
        raise ValueError("the time is before 1970") from None


def _decimal(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent > 0:
        raise ValueError(f"the decimal {value} has no AMQP form")
    unscaled = int("".join(map(str, digits)) or "0")
    try:
        return _DECIMAL.pack(-exponent, -unscaled if sign else unscaled)
    except error:
        raise ValueError(f"the decimal {value} does not fit 32 bits") from None
