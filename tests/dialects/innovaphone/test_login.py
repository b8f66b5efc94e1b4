"""Digest, session key and what it is for: the published examples, others, and anything else.

The digests of `D` are published by the vendor, those of `W7` and others were seen on the wire of clients.
"""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.dialects.innovaphone.login import SEED_BYTES, AppLogin, SessionKey, equal_digests, login_message
from wsevents.dialects.innovaphone.rc4 import rc4

GUID = "00112233445566778899aabbccddeeff"
INFO_OF_D4 = (
    '{"appobj":"users","apps":[{"name":"users"},{"name":"profile"}],'
    '"appurl":"https://1.2.3.4/example.com/usersapp/innovaphone-users","unlicensed":true}'
)
INFO_OF_V2 = (
    '{"appobj":"broker","appurl":"https://ap.example.org/x/acme-broker","cn":"Jané / \\"Q\\"",'
    '"unlicensed":false,"lics":3,"apps":[{"name":"broker"}]}'
)
INFO_OF_W7 = '{"appobj":"b/<&>","n":10,"u":"é","z":1.5}'
ADMINISTRATOR = AppLogin(
    "innovaphone-users",
    "example.com",
    "administrator",
    "0123456789abcdef0123456789abcdef",
    "Administrator User",
    INFO_OF_D4,
)
JANE = "acme-broker", "example.org", "jane.doe", GUID, "Jané Dœ"
SECRET = "S3cr:et pässwörd"
PBX = "0123456789abcdef"
LONG = "8675309012345678"
SHORT = "1234567890123456"

LOGINS = {
    "D1": (
        AppLogin("pbxadminapi"),
        PBX,
        "pwd",
        "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1",
    ),
    "D2": (
        AppLogin("pbxadminapi", info="{}"),
        PBX,
        "pwd",
        "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34",
    ),
    "D3": (
        AppLogin("pbxadminapi", info='{"cn":"Test User"}'),
        PBX,
        "pwd",
        "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d",
    ),
    "D4": (ADMINISTRATOR, PBX, "pwd", "ef1b811ffaa8f9255c39c653d8fb26b4687b2d8c4d9ac91b4821bff6bae3ff44"),
    "D5": (
        AppLogin("test", "test.com"),
        "0",
        "secret",
        "66ee3f52256a8eed034603b98cbaf98890bab6f42adb4a34de928e1885d68293",
    ),
    "V1": (AppLogin(*JANE), LONG, SECRET, "f4c3e493aab9b6c9ee3bac26c2557a63767b463261cf4ec5e17d88a7f5d594f4"),
    "V2": (
        AppLogin(*JANE, info=INFO_OF_V2),
        LONG,
        SECRET,
        "9555c70aecf657df31a5ff47dfdf8ba0cd022ca2f9b1caf7bad3351599f77ca1",
    ),
    "V7": (
        AppLogin("acme-broker"),
        SHORT,
        "pwd",
        "397c1ecefd194e1e0caef5b79a843e64c805a117a9674d0036dbf37da3830405",
    ),
    "V8": (
        AppLogin("acme-broker", info="{}"),
        SHORT,
        "pwd",
        "41f982f6dca89ab4f6ecc00db280aed74a1d490622a66ca9ceefa28225ed0981",
    ),
    "W1": (
        AppLogin("acme-broker", sip="acme-broker", guid="0" * 32, dn="Admin"),
        SHORT,
        "pwd",
        "6984c3cd5c9c7bc2cdeeaa1ffbe8d65e79961676312ecee516f47c592551baf4",
    ),
    "W2": (
        AppLogin("myapplication", info="{}"),
        SHORT,
        "pwd",
        "98514aa94a3936c7796f93ae20150bb780e1acc1fd1aefb489554f1681967686",
    ),
    "W3": (
        AppLogin("", sip="jane"),
        SHORT,
        "pwd",
        "bdaf4b5224f72303ad8da72ae175f3970a68cffec889297060395a289ba35823",
    ),
    "W4": (
        AppLogin("acme-broker", "example.org"),
        "1234",
        "pwd",
        "1211eb0691ecf3ffa3925d553448eb2745587c621917a4cb76eddcf9adb88569",
    ),
    "W7": (
        AppLogin("manager", "example.org", "jane", GUID, 'Jané "Q" <x> & y', INFO_OF_W7),
        SHORT,
        "pwd",
        "bcecf3ae34156e664ede3545528ef95c24b7f6a70017b4a3b8232a252318e812",
    ),
}
TEXT = "some secret text äöü €"
KEY = SessionKey.of(LONG, SECRET)
texts = st.text(max_size=40)


@pytest.mark.parametrize("name", LOGINS)
def test_a_digest_is_as_elsewhere(name):
    login, challenge, password, digest = LOGINS[name]
    assert login.digest(challenge, password) == digest
    assert login.digest_matches(digest, challenge, password)
    assert login.digest_matches(digest.upper(), challenge, password)
    assert not login.digest_matches(digest, challenge, password + "x")
    assert not login.digest_matches(digest, challenge[1:] + "x", password)


def test_the_key_is_as_elsewhere():
    assert KEY.text == "d37a60f61b0196da300950108983b5bfee9c8d61e186e98be0bd0a5425d64cc7"
    assert (
        SessionKey.of(SHORT, "pwd").text == "280d2175b75690668c49096cd030f686b4d9f88a00d93813ed461cf3b57ccfc9"
    )


def test_what_the_key_encrypts_is_as_elsewhere():
    data = "5b33a51b3527a07780766c11a8d28e3b9c94df187b041715261d2a"
    assert KEY.encrypt("seed-1", TEXT) == data
    assert KEY.decrypt("seed-1", data) == KEY.decrypt("seed-1", data.upper()) == TEXT


def test_what_the_key_hashes_is_as_elsewhere():
    digest = "ca10bf693647dab3789c1035321cbe766ec16747769b1e93cb72c49ecbc9160c"
    assert KEY.hash("seed-1", TEXT) == digest
    assert KEY.hash_matches("seed-1", TEXT, digest.upper())
    assert not KEY.hash_matches("seed-2", TEXT, digest)


def test_a_key_that_comes_with_a_delegated_login_is_decrypted():
    pbx, target = (
        SessionKey.of("1111222233334444", "pbxsecret"),
        SessionKey.of("5555666677778888", "targetsecret"),
    )
    sent = (
        "ba86ee8f1cf096781ad405a13c496221344eb9fd69922f7d7766aa8a971de577"
        "c04d6a8cb014c174200d223ee03bd7fd2b28e78225c3f89a76eaa8942cfea350"
    )
    assert pbx.decrypt("a1b2c3d4", sent) == target.text
    assert pbx.encrypt("a1b2c3d4", target.text) == sent


def test_javascript_hashes_a_crlf_as_an_lf_and_that_is_taken():
    digest = "98566db1bb3f07300bd747b1db613f03be8044a7705029ae3a2b50449ba78746"
    key = SessionKey("k")
    assert key.hash("seed", "a\nb") == digest
    assert key.hash_matches("seed", "a\r\nb", digest)
    assert key.hash_matches("seed", "a\r\nb", key.hash("seed", "a\r\nb"))
    assert AppLogin("a", dn="x\r\ny").digest_matches(AppLogin("a", dn="x\ny").digest("1", "p"), "1", "p")


def test_rc4_is_as_elsewhere():
    assert rc4(b"Key", b"Plaintext").hex() == "bbf316e8d940af0ad3"
    with pytest.raises(ValueError, match="key"):
        rc4(b"", b"x")


def test_no_info_and_an_empty_one_are_two_things():
    assert AppLogin("a").digest("1", "p") == sha256(b"a:::::1:p").hexdigest()
    assert AppLogin("a", info="{}").digest("1", "p") == sha256(b"a:::::{}:1:p").hexdigest()
    assert not AppLogin("a").digest_matches(AppLogin("a", info="{}").digest("1", "p"), "1", "p")
    assert not AppLogin("a", info="{}").digest_matches(AppLogin("a").digest("1", "p"), "1", "p")


@pytest.mark.parametrize(
    ("info", "hashed"),
    [
        ('{ "a" : 1 }', '{ "a" : 1 }'),  # as it came
        ('{ "a" : 1 }', '{"a":1}'),  # as JavaScript would have written it
        ('{"b":"\\u00e9\\/","a":1.0}', '{"b":"é/","a":1.0}'),
        ('{"n":1.50}', '{"n":1.50}'),
        ('{"u":"\\u2028"}', '{"u":"\\u2028"}'),  # Go escapes it
        ("null", None),
        ("null", "null"),
    ],
)
def test_info_may_have_been_hashed_as_it_came_or_compactly(info, hashed):
    assert AppLogin("a", info=info).digest_matches(AppLogin("a", info=hashed).digest("1", "p"), "1", "p")


def test_neither_a_key_nor_a_part_shows_what_it_holds():
    assert KEY.text not in repr(KEY)


@pytest.mark.parametrize("seed", ["s" * (SEED_BYTES + 1), "ä" * (SEED_BYTES // 2 + 1), "\ud800"])
def test_a_seed_that_would_hide_the_key_is_refused(seed):
    for use in (KEY.encrypt, KEY.hash, KEY.decrypt):
        with pytest.raises(ValueError, match=r"seed|surrogates"):
            use(seed, "00")
    assert not KEY.hash_matches(seed, "x", "00")


@pytest.mark.parametrize("data", ["0", "zz", "€", KEY.encrypt("other", TEXT)])
def test_what_was_not_encrypted_with_this_seed_is_no_text(data):
    with pytest.raises(ValueError):
        KEY.decrypt("seed-1", data)


def test_a_login_is_written_with_its_info_as_it_is():
    login = AppLogin(*JANE, info='{ "n": 1.50 }')
    text = login_message(login, "d1", "broker")
    assert text.endswith(',"info":{ "n": 1.50 }}')
    assert json.loads(text) == {
        "mt": "AppLogin",
        "app": JANE[0],
        "domain": JANE[1],
        "sip": JANE[2],
        "guid": JANE[3],
        "dn": JANE[4],
        "digest": "d1",
        "pbxObj": "broker",
        "info": {"n": 1.5},
    }
    assert not {"info", "pbxObj"} & set(json.loads(login_message(AppLogin("a"), "d")))
    for wrong in ("", "[]", "{", '{"a":1}}'):
        with pytest.raises(ValueError):
            login_message(AppLogin("a", info=wrong), "d")


@given(st.text(max_size=190 // 4), texts)
def test_what_is_encrypted_can_be_decrypted(seed, text):
    assert KEY.decrypt(seed, KEY.encrypt(seed, text)) == text
    assert KEY.hash_matches(seed, text, KEY.hash(seed, text))


anything = st.text(st.characters(), max_size=10)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(anything, inner, max_size=2),
    max_leaves=5,
).map(json.dumps)


@given(anything, anything, anything, st.none() | anything | jsons, anything, anything, anything)
def test_a_digest_is_compared_whatever_it_is(app, domain, dn, info, challenge, password, digest):
    login = AppLogin(app, domain, dn=dn, info=info)
    assert not login.digest_matches(digest, challenge, password)
    try:
        right = login.digest(challenge, password)
    except UnicodeEncodeError:
        return
    assert login.digest_matches(right, challenge, password)


@given(anything, anything)
def test_any_two_texts_can_be_compared(one, other):
    if one.isascii() and other.isascii():
        assert equal_digests(one, other) is (one.lower() == other.lower())
    assert equal_digests(one, one)
    equal_digests(one, other)
