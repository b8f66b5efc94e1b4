"""Which pages may connect, and which may use credentials of the browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.http_head import make_request
from wsevents.core.origins import credentials_allowed, is_own, origin_allowed

HOST = "gw.example.org:9502"


@pytest.mark.parametrize(
    ("origin", "patterns", "allowed"),
    [
        (None, ("https://a.example",), True),
        (None, (), True),
        ("null", ("*",), True),
        ("null", ("https://a.example",), False),
        ("null", ("null",), True),
        ("", ("https://a.example",), False),
        ("https://A.example", ("https://a.example",), True),
        ("https://a.example", ("HTTPS://A.Example",), True),
        ("https://a.example:8443", ("https://a.example",), False),
        ("https://a.example:443", ("https://a.example",), True),
        ("https://a.example", ("https://a.example:443",), True),
        ("http://a.example", ("http://a.example:80",), True),
        ("http://a.example", ("https://a.example",), False),
        ("https://a.example:80", ("https://a.example",), False),
        ("https://a.example", ("https://a.example:*",), True),
        ("https://a.example.", ("https://a.example",), False),
        ("https://a.example.evil.example", ("https://a.example",), False),
        ("https://x.a.example", ("https://*.a.example",), True),
        ("https://a.example", ("https://*.a.example",), False),
        ("https://evil.example", ("https://*.a.example", "https://b.example"), False),
        ("http://[::1]:80", ("http://[::1]:*",), True),
        ("http://[::1]", ("http://[::1]:80",), True),
        ("https://[2001:db8::7]:8443", ("https://[2001:db8::7]:8443",), True),
        ("https://[2001:db8::7]", ("https://[2001:db8::8]",), False),
        ("https://xn--bcher-kva.example", ("https://bücher.example",), True),
        ("https://shop.xn--bcher-kva.example:8443", ("https://*.Bücher.example:8443",), True),
        ("https://xn--bcher-kva.example", ("https://xn--bcher-kva.example",), True),
        ("https://bucher.example", ("https://bücher.example",), False),
        ("https://x", ("https://ü" + "x" * 70,), False),
    ],
)
def test_a_page_connects_only_from_an_allowed_origin(origin, patterns, allowed):
    assert origin_allowed(origin, patterns) is allowed


@pytest.mark.parametrize(
    ("origin", "host", "secure", "own"),
    [
        ("https://gw.example.org:9502", HOST, True, True),
        ("https://GW.example.org:9502", HOST, True, True),
        ("https://gw.example.org", "gw.example.org:443", True, True),
        ("https://gw.example.org:443", "gw.example.org", True, True),
        ("http://gw.example.org", "gw.example.org:80", False, True),
        ("https://[::1]:9502", "[::1]:9502", True, True),
        ("https://xn--bcher-kva.example", "XN--Bcher-kva.example", True, True),
        ("https://gw.example.org.", "gw.example.org.", True, True),
        ("https://gw.example.org.", "gw.example.org", True, False),
        ("https://gw.example.org", "gw.example.org", False, False),
        ("http://gw.example.org:9502", HOST, True, False),
        ("https://gw.example.org", HOST, True, False),
        ("https://gw.example.org:10443", "gw.example.org:1", True, False),
        ("https://evil.example", HOST, True, False),
        ("https://gw.example.org.evil.example:9502", HOST, True, False),
        ("https://gw.example.org:9502, https://gw.example.org:9502", HOST, True, False),
        ("null", HOST, True, False),
        ("", HOST, True, False),
        ("https://", "", True, False),
        ("https://", None, True, False),
        ("file://", HOST, False, False),
        (None, HOST, True, False),
    ],
)
def test_a_page_has_the_gateways_origin_if_scheme_host_and_port_are_equal(origin, host, secure, own):
    headers = {"origin": origin, "host": host}
    headers = {name: value for name, value in headers.items() if value is not None}
    assert is_own(make_request("/", headers, secure=secure)) is own


@pytest.mark.parametrize(
    ("origin", "patterns", "may"),
    [
        (None, (), True),
        (f"https://{HOST}", (), True),
        (f"http://{HOST}", ("*",), False),
        ("https://evil.example", ("*",), False),
        ("https://evil.example", ("https://*",), False),
        ("https://evil.a.example", ("https://*.a.example",), False),
        ("https://a.example", ("*", "https://a.example"), True),
        ("https://A.example:443", ("https://a.example",), True),
        ("null", ("null", "*"), False),
    ],
)
def test_credentials_of_a_browser_count_only_for_listed_origins(origin, patterns, may):
    headers = {"host": HOST} | ({} if origin is None else {"origin": origin})
    assert credentials_allowed(make_request("/", headers), patterns) is may


@given(st.text(), st.text(), st.text())
def test_any_origin_host_and_pattern_is_accepted_without_an_error(origin, host, pattern):
    request = make_request("/", {"origin": origin, "host": host})
    credentials_allowed(request, [pattern])
    assert origin_allowed(origin, ["*"])
    origin_allowed(origin, [pattern])
