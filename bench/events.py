"""The published events and their timing."""

import json
import time

SIZE = 242
"""Size of an ordinary event, in bytes."""


def event(name, sent, size=SIZE):
    """Return the body of an event of `size` bytes; `sent` is in microseconds since 1970."""
    data = {"sent": sent, "call_id": "1763692000.42", "status": ""}
    body = {"name": name, "data": data}
    data["status"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


def now():
    """Return microseconds since 1970."""
    return time.time_ns() // 1000


def pace(publish, rate, burst, seconds):
    """Publish `rate` events a second in bursts of `burst`; return the number of events.

    `publish` takes the number of the burst and its size. A publisher that falls behind does not catch up:
    otherwise its delay would count as latency.
    """
    bursts = max(1, round(rate * seconds / burst))
    due = time.monotonic()
    for number in range(bursts):
        publish(number, burst)
        due = max(due + burst / rate, time.monotonic())
        time.sleep(max(0, due - time.monotonic()))
    return bursts * burst
