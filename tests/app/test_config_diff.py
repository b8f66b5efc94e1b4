"""What a reload takes over, what it leaves as it was, and how the keys are named."""

from functools import cache

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.app.config_diff import config_diff
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins

TEXT = """
listen: ["tcp:9502", {endpoint: "tcp:9503", dialects: [wazo]}]
bus: {password: s3cret-bus}
limits: {subscriptions: 5}
outbound: {peer_bytes: 5000}
auth:
  type: static
  tokens:
    s3cret-a: {uuid: u1, tenant_uuid: t1, acl: [websocketd]}
dialects: {wazo: {}, voipbin: {jwt_key: s3cret-key-that-is-long-enough-for-this}}
"""


@cache  # reading it takes long
def config(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse(text, "here.yml", Plugins(), {})


def test_an_equal_configuration_changes_nothing():
    new = config_diff(config(), config())
    assert (new.config, new.changed, new.kept) == (config(), (), ())


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("subscriptions: 5", "subscriptions: 6", "limits.subscriptions"),
        ("subscriptions: 5", "subscriptions: 5, handshake_seconds: 3", "limits.handshake_seconds"),
        ("peer_bytes: 5000", "peer_bytes: 6000", "outbound.peer_bytes"),
        ("peer_bytes: 5000", "peer_bytes: 5000, total_bytes: 6000", "outbound.total_bytes"),
        ("peer_bytes: 5000", "peer_bytes: 5000, write_deadline: 1", "outbound.write_deadline"),
        ("limits:", "drain: {seconds: 1}\nlimits:", "drain.seconds"),
        ("s3cret-a", "s3cret-b", "auth.tokens"),
        ("uuid: u1", "uuid: u2", "auth.tokens"),
    ],
)
def test_a_live_key_is_applied(old, new, key):
    changed = config((old, new))
    assert attrs.astuple(config_diff(config(), changed), recurse=False) == (changed, (key,), ())


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("tcp:9503", "tcp:9504", ("listen[1].endpoint",)),
        ("dialects: [wazo]", "dialects: [voipbin]", ("listen[1].dialects[0]",)),
        ('"tcp:9502", ', "", ("listen",)),
        ("bus: {", "workers: 2\nbus: {", ("workers",)),
        ("s3cret-bus", "s3cret-other", ("bus.password",)),
        ("bus: {", "bus: {endpoint: 'tcp:elsewhere:5672', ", ("bus.endpoint",)),
        ("bus: {password: s3cret-bus}", "bus: {type: memory}", ("bus.type",)),
        ("peer_bytes: 5000", "peer_bytes: 5000, write_through: false", ("outbound.write_through",)),
        ("limits:", "websocket: {ping_interval: 5}\nlimits:", ("websocket.ping_interval",)),
        ("type: static", "type: static\n  check_strategy: static", ("auth.check_strategy",)),
        (
            "static\n  tokens:\n    s3cret-a: {uuid: u1, tenant_uuid: t1, acl: [websocketd]}",
            "wazo",
            ("auth.type",),
        ),
        ("wazo: {}", "wazo: {}, innovaphone: {apps: {a: {password: s3cret-p}}}", ("dialects.innovaphone",)),
    ],
)  # fmt: skip
def test_any_other_key_is_reported_and_keeps_its_value(old, new, keys):
    found = config_diff(config(), config((old, new)))
    assert (found.config, found.changed, found.kept) == (config(), (), keys)


def test_a_removed_dialect_needs_a_restart():
    found = config_diff(config(("dialects: [wazo]", "dialects: null")),
                    config(("dialects: [wazo]", "dialects: null"), ("wazo: {}, ", "")))  # fmt: skip
    assert found.kept == ("dialects.wazo",)
    assert "wazo" in found.config.dialects


def test_live_and_other_keys_are_reported_separately_and_without_secrets():
    new = config(("tcp:9502", "tcp:9500"), ("subscriptions: 5", "subscriptions: 6"), ("s3cret-a", "s3cret-b"))
    found = config_diff(config(), new)
    assert found.changed == ("auth.tokens", "limits.subscriptions")
    assert found.kept == ("listen[0].endpoint",)
    assert found.config == attrs.evolve(config(), auth=new.auth, limits=new.limits)


@given(st.integers(0, 50), st.integers(1000, 50000), st.integers(1, 65535), st.booleans())
def test_each_key_has_its_old_or_its_new_value(subscriptions, size, port, write_through):
    old = config()
    new = attrs.evolve(
        old,
        limits=attrs.evolve(old.limits, subscriptions=subscriptions),
        outbound=attrs.evolve(old.outbound, peer_bytes=size, write_through=write_through),
        listen=[attrs.evolve(old.listen[0], endpoint=f"tcp:{port}"), old.listen[1]],
    )
    now = config_diff(config(), new).config
    assert now.limits == new.limits
    assert now.outbound == attrs.evolve(new.outbound, write_through=True)
    assert now.listen == config().listen
    # What stayed is still waiting for a restart the next time, and nothing else has to be done.
    assert config_diff(now, new).changed == ()
    assert config_diff(now, new).kept == config_diff(config(), new).kept
