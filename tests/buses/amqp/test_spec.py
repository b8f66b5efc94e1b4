"""The table of methods, against numbers taken from the AMQP 0-9-1 specification."""

from wsevents.buses.amqp.spec import load

NUMBERS = {
    "connection": "10 start=10 start-ok=11 tune=30 tune-ok=31 open=40 open-ok=41 close=50 close-ok=51 "
    "blocked=60 unblocked=61",
    "channel": "20 open=10 open-ok=11 flow=20 flow-ok=21 close=40 close-ok=41",
    "exchange": "40 declare=10 declare-ok=11 delete=20 delete-ok=21 bind=30 bind-ok=31 unbind=40 "
    "unbind-ok=51",
    "queue": "50 declare=10 declare-ok=11 bind=20 bind-ok=21 purge=30 purge-ok=31 delete=40 delete-ok=41 "
    "unbind=50 unbind-ok=51",
    "basic": "60 qos=10 qos-ok=11 consume=20 consume-ok=21 cancel=30 cancel-ok=31 publish=40 deliver=60 "
    "ack=80 nack=120",
    "confirm": "85 select=10 select-ok=11",
}


OURS = ("start-ok", "tune-ok")
"""Replies that the gateway sends; their calls come from the broker."""


def test_every_method_has_its_number():
    expected = {name: line.split() for name, line in NUMBERS.items()}
    found = {
        klass.name: [str(klass.id), *(f"{method.name}={method.id}" for method in klass.methods)]
        for klass in load().classes
    }
    assert found == expected


def test_replies_belong_to_their_calls():
    for klass in load().classes:
        for method in klass.methods:
            assert method.response == (method.name.endswith("-ok") and method.name not in OURS), method
            for reply in method.responses:
                assert reply.name == f"{method.name}-ok"


def test_only_publish_and_deliver_have_content():
    content = [method.name for klass in load().classes for method in klass.methods if method.content]
    assert content == ["publish", "deliver"]
