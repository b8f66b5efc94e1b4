"""Hashes of passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.isymphony_page import PAGE
from wsevents.core.password_hash import ScryptHash, derive, make, matches, parse

QUICK = "scrypt$16$1$1$c2FsdHNhbHQ=$"
DOCUMENTED = next(word for word in PAGE.split() if word.startswith("scrypt$16384"))


def test_the_digest_agrees_with_the_vector_of_the_rfc():
    # RFC 7914 section 12, the second vector.
    digest = bytes.fromhex(
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
        "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    )
    assert derive("password", ScryptHash(1024, 8, 16, b"NaCl", digest)) == digest


def test_the_documented_hash_matches_the_documented_password():
    assert matches("manag3rpa55word", parse(DOCUMENTED))
    assert not matches("manag3rpa55wore", parse(DOCUMENTED))


def test_the_text_form_of_a_hash_is_parsed_back():
    made = make("pâté", b"salted with this")
    assert parse(made.text()) == made
    assert matches("pâté", made)
    assert not matches("pate", made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "manag3rpa55word",
        "$2b$12$abcdefghijklmnopqrstuv",
        "scrypt",
        "scrypt$16$1$1$c2FsdHNhbHQ=",
        QUICK,
        QUICK + "c2hvcnQ=",
        QUICK + "A" * 100,
        QUICK + "A" * 43,
        QUICK + "A" * 43 + "==",
        QUICK.replace("$16$", "$15$") + "A" * 43 + "=",
        QUICK.replace("$16$", "$1$") + "A" * 43 + "=",
        QUICK.replace("$16$", "$0$") + "A" * 43 + "=",
        QUICK.replace("$1$1$", "$0$1$") + "A" * 43 + "=",
        QUICK.replace("$1$1$", "$1$0$") + "A" * 43 + "=",
        QUICK.replace("c2FsdHNhbHQ=", "c2FsdA==") + "A" * 43 + "=",
        QUICK + "A" * 43 + "=\n",
        "scrypt$16384$8$5$é$é",
    ],
)
def test_the_error_for_an_invalid_hash_names_the_command_that_makes_one(text):
    with pytest.raises(ValueError, match="`wsevents hash-password`"):
        parse(text)


@pytest.mark.parametrize("costs", ["4194304$8$1", "16384$8$9999", "536870912$1$1", "2$9999$9999"])
def test_a_hash_with_too_high_costs_raises(costs):
    with pytest.raises(ValueError, match="costs too much"):
        parse(f"scrypt${costs}$c2FsdHNhbHQ=${'A' * 43}=")


def test_the_repr_of_a_hash_shows_neither_salt_nor_digest():
    assert "53p7Oo9" not in repr(parse(DOCUMENTED))
    assert "digest" not in repr(parse(DOCUMENTED))


@given(st.text() | st.from_regex(r"scrypt\$\d{1,10}\$\d{1,5}\$\d{1,5}\$[A-Za-z0-9+/]*=*\$[A-Za-z0-9+/]*=*"))
def test_any_text_is_a_computable_hash_or_raises(text):
    try:
        found = parse(text)
    except ValueError:
        return
    assert parse(found.text()) == found
    if found.n * found.r * found.p < 4096:
        assert len(derive("x", found)) == len(found.digest)
