"""The ACL rules, by the vectors of the specification and by a second implementation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.acl import compile_acl

ME, SESSION = "123", "456"

VECTORS = [
    (["foo.bar.#"], "foo.bar.toto.tata", True),
    (["foo.bar.#"], "foo.bar", False),
    (["foo.bar.#"], "foo.bar.#", True),
    (["foo.*.*"], "foo.bar.toto", True),
    (["foo.*.*"], "foo.bar.toto.tata", False),
    (["foo.*.*"], "foo.bar.#", False),
    (["foo.*.*"], "foo.*.*", True),
    (["foo.bar.toto"], "foo.bar.*", False),
    (["foo.bar.toto"], "foo.bar.toto.tata", False),
    (["foo.bar.#.titi"], "foo.bar.toto.tata.titi", True),
    (["foo.bar.#.titi"], "foo.bar.*.titi", True),
    (["foo.bar.#.titi"], "foo.bar.toto", False),
    (["foo.#.me"], "foo.bar.123", True),
    (["foo.#.me"], "foo.bar.me", True),
    (["foo.#.me"], "foo.bar.toto.123.titi", False),
    (["foo.#.me"], "foo.*.456", False),
    (["foo.#.me.bar"], "foo.bar.123.bar", True),
    (["foo.#.me.bar"], "foo.bar.123", False),
    (["foo.#", "!foo.me.bar.#"], "foo.me.bar.123", False),
    (["!foo.me.bar.#", "foo.#"], "foo.123.bar.4", False),
    (["foo.*.bar", "!foo.123.bar"], "foo.me.bar", True),
    (["foo.*.bar", "!foo.123.bar"], "foo.123.bar", False),
    (["events.calls.me"], "events.calls.123", True),
    (["events.calls.me"], "events.calls.other", False),
    (["foo.my_session"], "foo.456", True),
    (["foo.my_session"], "foo.my_session", True),
    (["foo.my_session"], "foo.other", False),
    (["foo.edit"], "foo.update", True),
    (["foo.edit"], "foo.edit", True),
    (["foo.edit"], "foo.edit.update", False),
    (["foo.bar"], "!foo.bar", False),
    (["#"], "", True),
    (["*"], "", True),
    (["foo"], "", False),
    ([], "foo", False),
    (["!foo"], "bar", False),
    (["FOO"], "foo", False),
    (["foo.(bar)+"], "foo.(bar)+", True),
]


@pytest.mark.parametrize(("acl", "required", "allowed"), VECTORS)
def test_each_vector_of_the_specification_holds(acl, required, allowed):
    assert compile_acl(tuple(acl)).may_see(required, ME, SESSION) is allowed


@pytest.mark.parametrize("acl", [(), ("!#",), ("foo",)])
def test_every_holder_sees_an_event_without_a_required_acl(acl):
    assert compile_acl(acl).may_see(None, ME)


def test_the_cached_result_of_one_user_is_not_used_for_another():
    access = compile_acl(("events.calls.me",))
    assert access.may_see("events.calls.a", "a")
    assert not access.may_see("events.calls.a", "b")
    assert access.may_see("events.calls.b", "b")
    assert access.may_see("events.calls.a", "a")


def test_a_user_without_a_session_matches_no_session():
    assert not compile_acl(("foo.my_session",)).may_see("foo.None", "me", None)


def test_equal_lists_share_one_compiled_form():
    assert compile_acl(("a.#", "!b")) is compile_acl(("a.#", "!b"))


def test_a_malicious_pattern_takes_time_in_proportion_to_pattern_times_text():
    access = compile_acl(("#.#.#.#.#.#.#.#.#.#.#.#x", "*a*a*a*a*a*a*a*a*a*b"))
    assert not access.may_see("a" * 400 + "." + "a." * 400, "me")


def by_the_letter(patterns, required, me, session):
    """Return whether the ACL grants access, by a second implementation with regular expressions."""

    def matches(pattern):
        out = []
        for segment in pattern.split("."):
            choices = {"me": ["me", me], "my_session": ["my_session", session], "edit": ["edit", "update"]}
            if segment in choices:
                out.append("(" + "|".join(map(re.escape, filter(None, choices[segment]))) + ")")
            else:
                out.append(re.escape(segment).replace(r"\*", "[^.#]*").replace(r"\#", ".*"))
        return re.fullmatch(r"\.".join(out), required, re.DOTALL) is not None

    if any(matches(pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(matches(pattern) for pattern in patterns if not pattern.startswith("!"))


words = st.sampled_from(
    ["a", "b", "me", "u1", "u1.u2", "my_session", "s1", "edit", "update", "*", "#", "a*", "", "x#y"]
)
dotted = st.lists(words, max_size=5).map(".".join)
patterns = st.builds(lambda sign, text: sign + text, st.sampled_from(["", "", "!"]), dotted)


@given(
    st.lists(patterns, max_size=4),
    dotted,
    st.sampled_from(["u1", "u1.u2", "a"]),
    st.sampled_from([None, "s1", "a"]),
)
def test_a_second_implementation_of_the_rules_agrees(acl, required, me, session):
    access = compile_acl(tuple(acl))
    expected = by_the_letter(acl, required, me, session)
    assert access.may_see(required, me, session) is expected
    assert access.may_see(required, me, session) is expected, "remembered"


texts = st.text(max_size=30) | st.text("!ab.*#\n", max_size=6) | st.sampled_from(["a", "#", "!#", "*", "!a"])


@given(st.lists(texts, max_size=5), texts, st.text(max_size=10))
def test_a_second_implementation_of_the_rules_agrees_on_any_text(acl, required, me):
    seen = compile_acl(tuple(acl)).may_see(required, me, me)
    assert seen is by_the_letter(acl, required, me, me)
