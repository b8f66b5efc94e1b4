"""The AMQP 0-9-1 methods that a consumer or a publisher sends or receives, in the form that txamqp loads.

txamqp ships no specification. This table comes from the AMQP 0-9-1 reference, section 1. It omits unused
methods (basic.get, basic.return, transactions). It contains these extensions of RabbitMQ: exchange.bind,
basic.nack, confirm.select, connection.blocked and the consumer cancel notification
(https://www.rabbitmq.com/extensions).
"""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from txamqp.spec import load_string

METHOD, HEADER, BODY, HEARTBEAT, END = 1, 2, 3, 8, 0xCE
"""Frame types, and the byte at the end of each frame."""

_CONSTANTS = {
    "frame-method": METHOD,
    "frame-header": HEADER,
    "frame-body": BODY,
    "frame-heartbeat": HEARTBEAT,
    "frame-end": END,
}

# class: id, then a line for each method: id name(fields) -> reply. A method with a field "nowait" may have
# no reply; txamqp looks for this field. "*" marks a method with content.
_CLASSES = """
connection 10
  10 start(version-major octet, version-minor octet, server-properties table, mechanisms longstr, \
locales longstr)
  11 start-ok(client-properties table, mechanism shortstr, response longstr, locale shortstr)
  30 tune(channel-max short, frame-max long, heartbeat short)
  31 tune-ok(channel-max short, frame-max long, heartbeat short)
  40 open(virtual-host shortstr, reserved-1 shortstr, reserved-2 bit) -> open-ok
  41 open-ok(reserved-1 shortstr)
  50 close(reply-code short, reply-text shortstr, class-id short, method-id short) -> close-ok
  51 close-ok()
  60 blocked(reason shortstr)
  61 unblocked()
channel 20
  10 open(reserved-1 shortstr) -> open-ok
  11 open-ok(reserved-1 longstr)
  20 flow(active bit) -> flow-ok
  21 flow-ok(active bit)
  40 close(reply-code short, reply-text shortstr, class-id short, method-id short) -> close-ok
  41 close-ok()
exchange 40
  10 declare(reserved-1 short, exchange shortstr, type shortstr, passive bit, durable bit, auto-delete bit, \
internal bit, nowait bit, arguments table) -> declare-ok
  11 declare-ok()
  20 delete(reserved-1 short, exchange shortstr, if-unused bit, nowait bit) -> delete-ok
  21 delete-ok()
  30 bind(reserved-1 short, destination shortstr, source shortstr, routing-key shortstr, nowait bit, \
arguments table) -> bind-ok
  31 bind-ok()
  40 unbind(reserved-1 short, destination shortstr, source shortstr, routing-key shortstr, nowait bit, \
arguments table) -> unbind-ok
  51 unbind-ok()
queue 50
  10 declare(reserved-1 short, queue shortstr, passive bit, durable bit, exclusive bit, auto-delete bit, \
nowait bit, arguments table) -> declare-ok
  11 declare-ok(queue shortstr, message-count long, consumer-count long)
  20 bind(reserved-1 short, queue shortstr, exchange shortstr, routing-key shortstr, nowait bit, \
arguments table) -> bind-ok
  21 bind-ok()
  30 purge(reserved-1 short, queue shortstr, nowait bit) -> purge-ok
  31 purge-ok(message-count long)
  40 delete(reserved-1 short, queue shortstr, if-unused bit, if-empty bit, nowait bit) -> delete-ok
  41 delete-ok(message-count long)
  50 unbind(reserved-1 short, queue shortstr, exchange shortstr, routing-key shortstr, \
arguments table) -> unbind-ok
  51 unbind-ok()
basic 60
  10 qos(prefetch-size long, prefetch-count short, global bit) -> qos-ok
  11 qos-ok()
  20 consume(reserved-1 short, queue shortstr, consumer-tag shortstr, no-local bit, no-ack bit, \
exclusive bit, nowait bit, arguments table) -> consume-ok
  21 consume-ok(consumer-tag shortstr)
  30 cancel(consumer-tag shortstr, nowait bit) -> cancel-ok
  31 cancel-ok(consumer-tag shortstr)
  40 publish*(reserved-1 short, exchange shortstr, routing-key shortstr, mandatory bit, immediate bit)
  60 deliver*(consumer-tag shortstr, delivery-tag longlong, redelivered bit, exchange shortstr, \
routing-key shortstr)
  80 ack(delivery-tag longlong, multiple bit)
  120 nack(delivery-tag longlong, multiple bit, requeue bit)
confirm 85
  10 select(nowait bit) -> select-ok
  11 select-ok()
"""

PROPERTIES = (
    ("content-type", "shortstr"),
    ("content-encoding", "shortstr"),
    ("headers", "table"),
    ("delivery-mode", "octet"),
    ("priority", "octet"),
    ("correlation-id", "shortstr"),
    ("reply-to", "shortstr"),
    ("expiration", "shortstr"),
    ("message-id", "shortstr"),
    ("timestamp", "longlong"),
    ("type", "shortstr"),
    ("user-id", "shortstr"),
    ("app-id", "shortstr"),
    ("cluster-id", "shortstr"),
)
"""The message properties with their types, in the order of their flags, highest bit first."""


@cache
def load() -> Any:
    """Return the specification as txamqp's `Spec`. Parsed once, in about 0.1 s."""
    return load_string(xml())


def xml() -> str:
    """Return the specification in the XML format of `txamqp.spec`."""
    constants = "".join(f"<constant name={quoteattr(n)} value='{v}'/>" for n, v in _CONSTANTS.items())
    classes = "".join(_class_xml(block) for block in _blocks())
    # txamqp sends this version after "AMQP 1 1". RabbitMQ accepts 0 9 as 0-9-1.
    return f"<amqp major='0' minor='9'>{constants}{classes}</amqp>"


def _blocks() -> list[list[str]]:
    """Return the lines of each class, starting with the line of the class."""
    blocks: list[list[str]] = []
    for line in _CLASSES.strip().splitlines():
        if line.startswith(" "):
            blocks[-1].append(line.strip())
        else:
            blocks.append([line])
    return blocks


def _class_xml(block: list[str]) -> str:
    name, index = block[0].split()
    methods = "".join(map(_method_xml, block[1:]))
    return f"<class name={quoteattr(name)} handler='channel' index='{index}'>{methods}</class>"


def _method_xml(line: str) -> str:
    index, _, rest = line.partition(" ")
    signature, _, reply = rest.partition(" -> ")
    name, _, fields = signature.rstrip(")").partition("(")
    content = " content='1'" if name.endswith("*") else ""
    name = name.rstrip("*")
    inner = f"<response name={quoteattr(reply)}/>" if reply else ""
    for one in filter(None, fields.split(", ")):
        field, kind = one.split()
        inner += f"<field name={quoteattr(field)} type={quoteattr(kind)}/>"
    return f"<method name={quoteattr(name)} index='{index}'{content}>{name}{inner}</method>"
