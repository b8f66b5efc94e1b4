"""Permissions to subscribe: every row of VoIPBIN's rules, and the vectors of its tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.voipbin import (
    ADMIN,
    CUSTOMER,
    MANAGER,
    NIL,
    OTHER,
    PLAIN,
    STRANGER,
    SUPER_ADMIN,
    claims,
    direct,
    of_agent,
    topic,
)
from wsevents.dialects.voipbin.claims import identity_of, key_holder
from wsevents.dialects.voipbin.settings import Acl
from wsevents.dialects.voipbin.topic import may_subscribe

ROOT, PLAIN_AGENT, ADMINISTRATOR, HEAD = (
    identity_of(claims(bits), Acl(), 0.0) for bits in (SUPER_ADMIN, PLAIN, ADMIN, MANAGER)
)
KEY = key_holder(CUSTOMER, (), None, 0.0)
DIRECT = identity_of(direct("aicall"), Acl(), 0.0)


@pytest.mark.parametrize(
    ("who", "what", "may"),
    [
        (PLAIN_AGENT, of_agent("call"), True),
        (PLAIN_AGENT, of_agent(), True),
        (PLAIN_AGENT, of_agent("queue", "*"), True),
        (PLAIN_AGENT, of_agent("any", "number", "of", "parts", ""), True),
        (PLAIN_AGENT, of_agent(agent=OTHER), False),
        (PLAIN_AGENT, topic("call"), False),
        (ADMINISTRATOR, topic("call"), True),
        (ADMINISTRATOR, topic(), True),
        (ADMINISTRATOR, topic("call", "*"), True),
        (ADMINISTRATOR, of_agent("call"), True),
        (ADMINISTRATOR, of_agent("call", agent=OTHER), False),
        (ADMINISTRATOR, topic("call", customer=STRANGER), False),
        (ADMINISTRATOR, f"customer_id:{CUSTOMER.upper()}:call", True),
        (ADMINISTRATOR, f"customer_id:{{{CUSTOMER}}}:call", True),
        (ADMINISTRATOR, f"customer_id:{CUSTOMER.replace('-', '')}", True),
        (ADMINISTRATOR, topic(customer=NIL), False),
        (ADMINISTRATOR, "customer_id", False),
        (ADMINISTRATOR, "customer_id:", False),
        (ADMINISTRATOR, "", False),
        (ADMINISTRATOR, "*", False),
        (ADMINISTRATOR, f"{CUSTOMER}:customer_id", False),
        (ADMINISTRATOR, f"queue_id:{CUSTOMER}:call", False),
        (ADMINISTRATOR, f"CUSTOMER_ID:{CUSTOMER}", False),
        (ADMINISTRATOR, f" customer_id:{CUSTOMER}", False),
        (ADMINISTRATOR, f"customer_id:urn:uuid:{CUSTOMER}", False),
        (HEAD, topic("call"), True),
        (ROOT, topic("call", customer=STRANGER), True),
        (ROOT, of_agent(agent=OTHER), True),
        (ROOT, "malformed", True),
        (ROOT, "", True),
        (KEY, topic("call"), True),
        (KEY, topic("call", customer=STRANGER), False),
        (KEY, of_agent("call"), False),
        (KEY, of_agent("call", agent=CUSTOMER), False),
        (DIRECT, topic("aicall", "anything"), True),
        (DIRECT, topic("aicall", "*"), True),
        (DIRECT, topic("aicall"), False),
        (DIRECT, topic(), False),
        (DIRECT, topic("aicall", "x", "y"), False),
        (DIRECT, topic("call", "x"), False),
        (DIRECT, topic("aicall", "x", customer=STRANGER), False),
        (DIRECT, of_agent("aicall", "x"), False),
        (DIRECT, of_agent("aicall", "x", agent=CUSTOMER), False),
    ],
)
def test_each_kind_of_identity_may_subscribe_to_its_own_topics_only(who, what, may):
    assert may_subscribe(who, what) is may


@given(st.text() | st.lists(st.sampled_from(["customer_id", CUSTOMER, "*", "call", ""])).map(":".join))
def test_an_administrator_never_gets_beyond_the_customer(what):
    assert not may_subscribe(ADMINISTRATOR, what) or what.lower().startswith(f"customer_id:{CUSTOMER}")
