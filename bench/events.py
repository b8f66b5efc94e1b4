"""What is published, and when."""

import json
import time

SIZE = 242
"""Bytes of an ordinary event."""


def event(name, sent, size=SIZE):
    """Return the body of an event that was sent so many microseconds after 1970, of this many bytes."""
    data = {"sent": sent, "call_id": "1763692000.42", "status": ""}
    body = {"name": name, "data": data}
    data["status"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


def now():
    """Return microseconds since 1970."""
    return time.time_ns() // 1000


def pace(publish, rate, burst, seconds):
    """Publish `rate` events a second, `burst` at a time, for so long; return how many.

    `publish` takes the number of the burst and its size. Who falls behind does not catch up: an event
    that waits for its publisher would count as late.
    """
    bursts = max(1, round(rate * seconds / burst))
    due = time.monotonic()
    for number in range(bursts):
        publish(number, burst)
        due = max(due + burst / rate, time.monotonic())
        time.sleep(max(0, due - time.monotonic()))
    return bursts * burst
