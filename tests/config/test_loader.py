"""The loader returns the configuration in the files, or one line for each problem with its file and key."""

import os
from importlib.metadata import EntryPoint
from textwrap import dedent
from typing import get_type_hints

import attrs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import example_plugins
from tests.support.certificates import write_pair
from wsevents.api.errors import ConfigurationError
from wsevents.api.settings import Config, Limits, ListenEntry, OutboundSettings, WebSocket
from wsevents.config.loader import load, parse
from wsevents.config.plugins import Plugins

QUOTES = " (text that begins with a special character needs quotes)"
OPEN = 'listen: ["tcp:9502"]\n'
"""A listener that needs no certificate."""


def config(text, environ=None):
    return parse(
        OPEN * ("listen" not in text) + dedent(text), "here.yml", example_plugins.plugins(), environ or {}
    )


def problems(text, environ=None):
    with pytest.raises(ConfigurationError) as caught:
        config(text, environ)
    for line in caught.value.problems:
        assert "\n" not in line
        assert line.startswith("here.yml: ")
    return [line.removeprefix("here.yml: ") for line in caught.value.problems]


@pytest.fixture
def etc(tmp_path):
    """Return a function that writes files by name and loads config.yml."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "config.yml").write_text(OPEN)

    def write_and_load(files, environ=None):
        for name, text in files.items():
            (tmp_path / name).write_text(dedent(text))
        return load(tmp_path / "config.yml", example_plugins.plugins(), environ or {})

    write_and_load.folder = tmp_path
    return write_and_load


def lines(etc, files, environ=None):
    with pytest.raises(ConfigurationError) as caught:
        etc(files, environ)
    return [line.replace(f"{etc.folder}/", "") for line in caught.value.problems]


# -- valid configurations ---------------------------------------------------------------------


def test_an_empty_text_gives_the_defaults():
    assert config("") == Config(
        listen=[ListenEntry("tcp:9502")],
        bus=example_plugins.RabbitSettings(),
        auth=example_plugins.WazoAuthSettings(),
        dialects={"wazo": example_plugins.TalkSettings()},
    )


def test_without_a_dialects_section_the_default_dialects_are_served():
    def found(group):
        names = {"default": "DefaultTalk", "other": "Talk"} if group == "wsevents.dialects" else {}
        mine = [
            EntryPoint(name, f"tests.support.example_plugins:{thing}", group) for name, thing in names.items()
        ]
        return mine or example_plugins.plugins().find(group)

    assert list(parse(OPEN, "here.yml", Plugins(found), {}).dialects) == ["default"]
    assert list(parse(OPEN + "dialects: {other: {}}", "here.yml", Plugins(found), {}).dialects) == ["other"]


def test_a_broken_dialect_is_an_error_only_for_a_configuration_that_may_use_it():
    def found(group):
        broken = [EntryPoint("broken", "nothing_of_this_name:Thing", group)] * (group == "wsevents.dialects")
        return [*broken, *example_plugins.plugins().find(group)]

    with pytest.raises(ConfigurationError, match=r"here\.yml: dialects: dialect 'broken'"):
        parse(OPEN, "here.yml", Plugins(found), {})
    assert parse(OPEN + "dialects: {talk: {}}", "here.yml", Plugins(found), {}).dialects


@pytest.mark.parametrize("found", [example_plugins.plugins(), Plugins()], ids=["stand-ins", "built-ins"])
def test_the_example_of_the_documentation_has_the_default_values(tmp_path, found):
    key, certificate = write_pair(tmp_path)
    text = """
    listen: ["ssl:9502:privateKey=/etc/wsevents/ssl/server.key:certKey=/etc/wsevents/ssl/server.crt"]
    origin_uuid: null
    bus:  {type: amqp, endpoint: "tcp:localhost:5672", vhost: /, username: guest, password: guest, heartbeat: 10, exchange_name: wazo-headers, exchange_type: headers}
    auth: {type: wazo, host: localhost, port: 80, https: false, prefix: /api/auth, verify_certificate: true, service_id: null, service_key: null, key_file: null, check_strategy: dynamic, check_static_interval: 60}
    websocket: {ping_interval: 60, ping_timeout: 20, allowed_origins: ["*"]}
    limits: {message_bytes: 1048576, subscriptions: 1000, event_name: 1024, pending_handshakes: 512, pending_per_address: 256, waiting_handshakes: 10000, connections_per_address: 0, handshake_seconds: 10, messages_per_second: 100}
    """  # noqa: E501 verbatim
    text = text.replace("/etc/wsevents/ssl/server.key", str(key))
    text = text.replace("/etc/wsevents/ssl/server.crt", str(certificate))
    given = parse(dedent(text), "example.yml", found, {})
    assert given == attrs.evolve(parse(OPEN, "defaults.yml", found, {}), listen=given.listen)


def test_static_tokens_are_read_from_the_file():
    auth = config("""
        auth:
          type: static
          tokens:
            demo: {uuid: u, tenant_uuid: t, acl: ["websocketd", "events.#"], admin: false, expires_at: null}
            late: {uuid: u, tenant_uuid: t, expires_at: 2030-01-01T00:00:00Z}
        """).auth
    assert auth.tokens["demo"].acl == ["websocketd", "events.#"]
    assert auth.tokens["late"].expires_at == "2030-01-01T00:00:00Z"


def test_a_whole_number_is_accepted_as_a_number():
    interval = config("websocket: {ping_interval: 5}").websocket.ping_interval
    assert (interval, type(interval)) == (5.0, float)


def test_several_endpoints_of_the_bus_are_a_list():
    assert config('bus: {endpoint: ["tcp:a:1", "tls:b:2"]}').bus.endpoint == ["tcp:a:1", "tls:b:2"]


def test_each_dialect_has_its_own_settings():
    given = config("dialects: {wazo: {manner: curt}, talk: {topics: [a, b]}}")
    assert given.dialects == {
        "wazo": example_plugins.TalkSettings(manner="curt"),
        "talk": example_plugins.TalkSettings(topics=("a", "b")),
    }


def test_origin_uuid_comes_from_the_environment_if_no_file_sets_it():
    environ = {"XIVO_UUID": "of-the-environment"}
    assert config("", environ).origin_uuid == "of-the-environment"
    assert config("origin_uuid: null", environ).origin_uuid is None
    assert config("origin_uuid: mine", environ).origin_uuid == "mine"
    assert config("", {"XIVO_UUID": ""}).origin_uuid is None
    assert config("", {"XIVO_UUID": " "}).origin_uuid is None
    assert config("").origin_uuid is None


# -- several files ----------------------------------------------------------------------------


def test_mappings_merge_deeply_and_everything_else_replaces(etc):
    given = etc(
        {
            "config.yml": """
                listen: ["tcp:1"]
                bus: {vhost: /a, username: me}
                websocket: {allowed_origins: ["https://a", "https://b"]}
                """,
            "conf.d/10.yml": "bus: {vhost: /b}\nwebsocket: {allowed_origins: ['https://c']}",
            "conf.d/20.yml": 'listen: ["tcp:2", "tcp:3"]\nbus: {vhost: /c, heartbeat: 3}',
        }
    )
    assert given.listen == [ListenEntry("tcp:2"), ListenEntry("tcp:3")]
    assert given.websocket.allowed_origins == ["https://c"]
    assert given.bus == example_plugins.RabbitSettings(vhost="/c", username="me", heartbeat=3.0)


def test_a_section_of_the_same_type_merges(etc):
    given = etc(
        {
            "config.yml": OPEN + "bus: {type: amqp, vhost: /a}",
            "conf.d/10.yml": "bus: {type: amqp, heartbeat: 5}",
        }
    )
    assert (given.bus.vhost, given.bus.heartbeat) == ("/a", 5.0)


def test_yml_files_of_conf_d_are_read_in_name_order_and_other_files_are_ignored(etc):
    given = etc(
        {
            "conf.d/b.yml": "bus: {vhost: b}",
            "conf.d/a.yml": "bus: {vhost: a}",
            "conf.d/c.yml.bak": "bus: {vhost: c}",
            "conf.d/.d.yml": "bus: {vhost: d}",
            "conf.d/e.yaml": "bus: {vhost: e}",
            "conf.d/f.yml": "# nothing yet\n",
        }
    )
    assert given.bus.vhost == "b"


def test_each_problem_names_the_file_that_set_the_key(etc):
    assert lines(
        etc,
        {
            "config.yml": OPEN + "bus: {heartbeat: ten, vhost: 5}\nlimits: {subscriptions: many}",
            "conf.d/10.yml": "bus: {vhost: /}\nauth: {port: high}",
            "conf.d/20.yml": "bus: {heartbaet: 10, type: amqp}\nauth: {port: higher}",
        },
    ) == [
        "conf.d/20.yml: bus.heartbaet: is not a known key; did you mean heartbeat?",
        "config.yml: bus.heartbeat: must be a number, not 'ten'",
        "conf.d/20.yml: auth.port: must be a whole number, not 'higher'",
        "config.yml: limits.subscriptions: must be a whole number, not 'many'",
    ]


def test_every_broken_file_is_named_at_once(etc):
    assert lines(
        etc,
        {
            "config.yml": "bus: [",
            "conf.d/10.yml": "- a list\n",
            "conf.d/20.yml": "bus: 1\nbus: 2\n",
        },
    ) == [
        "config.yml: line 1: is not YAML: expected the node content" + QUOTES,
        "conf.d/10.yml: must hold keys and values (`key: value`)",
        "conf.d/20.yml: line 2: repeats a key of line 1",
    ]


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "none.yml", example_plugins.plugins(), {})
    assert caught.value.problems == (f"{tmp_path}/none.yml: cannot be read: No such file or directory",)


def test_a_file_that_cannot_be_read_is_one_line(etc):
    (etc.folder / "conf.d" / "x.yml").mkdir()
    assert lines(etc, {}) == ["conf.d/x.yml: cannot be read: Is a directory"]


def test_a_conf_d_that_is_not_a_folder_is_one_line(etc):
    (etc.folder / "conf.d").rmdir()
    assert lines(etc, {"conf.d": ""}) == ["conf.d: cannot be read: Not a directory"]


def test_a_file_in_another_encoding_is_one_line(etc):
    (etc.folder / "conf.d" / "x.yml").write_bytes(b"# 1\n# \xe4\n")
    assert lines(etc, {}) == ["conf.d/x.yml: line 2: is not UTF-8 text"]


def test_an_endless_file_is_one_line(etc):
    (etc.folder / "conf.d" / "x.yml").symlink_to("/dev/zero")
    assert lines(etc, {}) == ["conf.d/x.yml: is larger than the maximum of 16777216 bytes"]


def test_a_byte_order_mark_is_ignored(etc):
    (etc.folder / "conf.d" / "x.yml").write_bytes(b"\xef\xbb\xbfbus: {vhost: x}\n")
    assert etc({}).bus.vhost == "x"


# -- invalid configurations -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bus: {heartbeat: ten}", "bus.heartbeat: must be a number, not 'ten'"),
        ('bus: {heartbeat: "5"}', "bus.heartbeat: must be a number, not '5'"),
        ("bus: {heartbeat: true}", "bus.heartbeat: must be a number, not true"),
        ("bus: {heartbeat: .nan}", "bus.heartbeat: must be a number, not nan"),
        ("bus: {heartbeat: .inf}", "bus.heartbeat: must be a number, not inf"),
        ("bus: {heartbeat: -1}", "bus.heartbeat: must be 0 or more"),
        ("bus: {vhost: 5}", "bus.vhost: must be text, not 5; write it in quotes"),
        ("bus: {vhost: null}", "bus.vhost: must be text, not null"),
        ("bus: {exchange_type: fanout}", "bus.exchange_type: must be one of headers, topic"),
        ("bus: {endpoint: 5672}", "bus.endpoint: must be text or a list, not 5672"),
        ('bus: {endpoint: ["tcp:a:1", 5]}', "bus.endpoint[1]: must be text, not 5; write it in quotes"),
        ("limits: {subscriptions: 1.5}", "limits.subscriptions: must be a whole number, not 1.5"),
        ("limits: {subscriptions: true}", "limits.subscriptions: must be a whole number, not true"),
        ("limits: 5", "limits: must be a mapping, not 5"),
        ("limits:", "limits: must be a mapping, not null"),
        ("limits: []", "limits: must be a mapping, not a list"),
        ("bus: amqp", "bus: must be a mapping, not 'amqp'"),
        ("outbound: {peer_bytes: 0}", "outbound.peer_bytes: must be 1000 or more"),
        ("origin_uuid: ''", "origin_uuid: must not be empty"),
        ("origin_uuid: ' '", "origin_uuid: must not be empty"),
        ("bus: {exchange_name: ''}", "bus.exchange_name: must not be empty"),
        (f"bus: {{exchange_name: {'é' * 128}}}", "bus.exchange_name: must not be longer than 255 bytes"),
        ("auth: {check_static_interval: 0.99}", "auth.check_static_interval: must be from 1 to 86400"),
        ("auth: {check_static_interval: 0}", "auth.check_static_interval: must be from 1 to 86400"),
        ("auth: {check_static_interval: 1.0e+300}", "auth.check_static_interval: must be from 1 to 86400"),
        ("websocket: {allowed_origins: []}", "websocket.allowed_origins: must name at least one origin"),
        ("websocket: {allowed_origins: ['']}", "websocket.allowed_origins: has '', which is not an origin"),
        ("websocket: {ping_interval: 0.001}", "websocket.ping_interval: must be 0, or from 1 to 86400"),
        ("websocket: {ping_timeout: -1}", "websocket.ping_timeout: must be 0, or from 1 to 86400"),
        ("limits: {handshake_seconds: 0.001}", "limits.handshake_seconds: must be 0, or from 1 to 86400"),
        ("limits: {messages_per_second: 0.01}", "limits.messages_per_second: must be 0, or 1 or more"),
        ("limits: {message_bytes: 5}", "limits.message_bytes: must be 0, or 100 or more"),
        ("limits: {subscriptions: -1}", "limits.subscriptions: must be 0 or more"),
        ("limits: {pending_handshakes: -1}", "limits.pending_handshakes: must be 0 or more"),
        ("auth: {https: 1}", "auth.https: must be true or false, not 1"),
        ("auth: {service_id: 5}", "auth.service_id: must be text or null, not 5"),
        ("websocket: {allowed_origins: '*'}", "websocket.allowed_origins: must be a list, not '*'"),
        ("dialects: {}", "dialects: must name at least one dialect"),
        ("dialects: {wazo: {manner: rude}}", "dialects.wazo.manner: must be one of kind, curt"),
        ("dialects: {wazo: null}", "dialects.wazo: must be a mapping, not null"),
        ("dialects: {5: {}}", "dialects[5]: must be text, not 5; write it in quotes"),
        ("dialects: {latin: {}}", "dialects.latin: there is no dialect 'latin'; there are: talk, wazo"),
        ("bus: {type: rabbit}", "bus.type: there is no bus 'rabbit'; there are: amqp"),
        ("bus: {type: 5}", "bus.type: must be text, not 5; write it in quotes"),
        ("auth: {type: none}", "auth.type: there is no authenticator 'none'; there are: static, wazo"),
        ("lissten: []", "lissten: is not a known key; did you mean listen?"),
        ("5: 5", "5: is not a known key; the known keys are auth, bus, dialects, "),
        ("listen: []", "listen: must name at least one endpoint"),
        ("listen: tcp:9502", "listen: must be a list, not 'tcp:9502'"),
        ("auth: {type: static, tokens: [a]}", "auth.tokens: must be a mapping"),
        ("auth: {type: static, tokens: {demo: {uuid: u}}}", "auth.tokens[number 1].tenant_uuid: is missing"),
    ],
)
def test_a_problem_is_reported_with_its_key(text, message):
    (line,) = problems(text)
    assert line.startswith(message)


def test_a_long_wrong_value_is_shortened():
    (line,) = problems(f"bus: {{heartbeat: {'x' * 1000}}}")
    assert len(line) < 150


def test_all_problems_are_reported_together():
    assert (
        len(problems("bus: {heartbeat: a, vhost: 1}\nauth: {port: b}\nwhat: 1\ndialects: {}\nlimits: 1")) == 6
    )


def test_a_validator_can_read_other_keys():
    text = "auth: {type: static, tokens: {demo: {uuid: u, tenant_uuid: t, expires_at: 5, expires_in: 5}}}"
    assert problems(text) == ["auth.tokens[number 1].expires_in: cannot be given together with expires_at"]


def test_a_default_that_conflicts_with_a_given_key_is_reported_with_its_key():
    assert problems("auth: {service_id: me}") == ["auth.service_key: must be given together with service_id"]


def test_a_validator_that_lacks_an_invalid_key_does_not_hide_the_problem_of_that_key():
    text = "auth: {type: static, tokens: {demo: {uuid: u, expires_at: [], expires_in: 5}}}"
    assert problems(text) == [
        "auth.tokens[number 1].tenant_uuid: is missing",
        "auth.tokens[number 1].expires_at: must be text or a number or null",
    ]


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("9502", "listen[0]: must be text or a mapping, not 9502; write it in quotes"),
        ("'tcp:x'", "listen[0]: is not a usable endpoint"),
        (
            "'ssl:9502:privateKey=/nowhere/a.key:certKey=/nowhere/a.crt'",
            "listen[0]: cannot read /nowhere/a.crt: No such file or directory",
        ),
    ],
)
def test_an_invalid_endpoint_is_reported_with_its_index(listen, message):
    (line,) = problems(f"listen: [{listen}]")
    assert line.startswith(message)


def test_a_private_key_that_does_not_match_its_certificate_is_reported_with_its_index(tmp_path):
    key, _ = write_pair(tmp_path, "a")
    _, certificate = write_pair(tmp_path, "b")
    assert problems(f"listen: ['tcp:1', 'ssl:1:privateKey={key}:certKey={certificate}']") == [
        f"listen[1]: the private key {key} does not belong to the certificate {certificate}"
    ]


def test_a_listener_may_name_its_dialects():
    given = config("""
        listen:
          - tcp:1
          - {endpoint: "tcp:2", dialects: [talk]}
          - endpoint: tcp:3
          - {endpoint: "tcp:4", dialects: null}
        dialects: {wazo: {}, talk: {}}
        """).listen
    assert given == [
        ListenEntry("tcp:1"),
        ListenEntry("tcp:2", ["talk"]),
        ListenEntry("tcp:3"),
        ListenEntry("tcp:4", None),
    ]
    assert [(one.serves("talk"), one.serves("wazo")) for one in given[:2]] == [(True, True), (True, False)]


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        (
            "{endpoint: 'tcp:2', dialects: [latin]}",
            "listen[1].dialects: names 'latin', which is not under `dialects:`; there are: talk, wazo",
        ),
        (
            "{endpoint: 'tcp:2', dialects: []}",
            "listen[1].dialects: must name at least one dialect; omit the key for all dialects",
        ),
        ("{endpoint: 'tcp:2', dialects: talk}", "listen[1].dialects: must be a list or null, not 'talk'"),
        ("{endpoint: 'tcp:2', dialects: [5]}", "listen[1].dialects[0]: must be text, not 5"),
        ("{endpoint: 'tcp:x'}", "listen[1].endpoint: is not a usable endpoint"),
        ("{endpoint: 5}", "listen[1].endpoint: must be text, not 5; write it in quotes"),
        ("{dialects: [talk]}", "listen[1].endpoint: is missing"),
        ("{endpoint: 'tcp:2', dialect: [talk]}", "listen[1].dialect: is not a known key; did you"),
        ("[]", "listen[1]: must be text or a mapping, not a list"),
    ],
)
def test_an_invalid_listener_is_reported_with_its_index(listen, message):
    (line,) = problems(f"listen: ['tcp:1', {listen}]\ndialects: {{wazo: {{}}, talk: {{}}}}")
    assert line.startswith(message)


def test_a_listener_may_name_a_default_dialect():
    assert config("listen: [{endpoint: 'tcp:1', dialects: [wazo]}]").listen[0].serves("wazo")


def test_invalid_dialects_are_one_problem_and_not_another_one_of_each_listener():
    text = "listen: [{endpoint: 'tcp:1', dialects: [wazo]}]\ndialects: 5"
    assert problems(text) == ["dialects: must be a mapping, not 5"]


def test_the_default_listener_is_checked_too():
    with pytest.raises(ConfigurationError) as caught:
        parse("", "here.yml", example_plugins.plugins(), {})
    (line,) = caught.value.problems
    assert line.startswith("here.yml: listen[0]: cannot read /etc/wsevents/ssl/server.crt")


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "null",
        "https://crm.example.org",
        "https://crm.example.org:8443",
        "https://*.example.org",
        "*://crm.example.org",
        "*.example.org",
        "chrome-extension://abc",
        "file://",
    ],
)
def test_an_origin_that_a_browser_can_send_is_valid(pattern):
    assert WebSocket(allowed_origins=[pattern]).allowed_origins == [pattern]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " ",
        "crm.example.org",
        "https://crm.example.org/",
        "https://crm.example.org/*",
        "https://",
        "https://a https://b",
    ],
)
def test_an_origin_that_no_browser_sends_is_an_error(pattern):
    with pytest.raises(ValueError, match="which is not an origin; write it like https://crm"):
        WebSocket(allowed_origins=["*", pattern])


def numbers(*kinds):
    """Return each class with the name of each of its settings that is a number."""
    found = [
        (kind, name)
        for kind in kinds
        for name, type_ in get_type_hints(kind).items()
        if type_ in {int, float}
    ]
    assert {kind for kind, _ in found} == set(kinds), "a class without a number is not tested"
    return found


@pytest.mark.parametrize(("kind", "name"), numbers(WebSocket, Limits))
def test_zero_disables_a_limit(kind, name):
    assert getattr(kind(**{name: 0}), name) == 0


@pytest.mark.parametrize(("kind", "name"), numbers(WebSocket, Limits, OutboundSettings))
def test_no_number_may_be_negative(kind, name):
    with pytest.raises(ValueError, match="must be"):
        kind(**{name: -1})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("vhost: ''", "bus.vhost: must not be empty"),
        ("username: ''", "bus.username: must not be empty"),
        ("password: ''", "bus.password: must not be empty"),
        ("heartbeat: 0", "bus.heartbeat: must be from 1 to 65535"),
        ("prefetch: 0", "bus.prefetch: must be from 1 to 65535"),
        ("endpoint: []", "bus.endpoint: must be a Twisted client endpoint string, or a list of them"),
        ("endpoint: 'tcp:localhost:0'", "bus.endpoint: has port 0; it must be from 1 to 65535"),
        ("endpoint: 'ssl:localhost:5671'", "bus.endpoint: must not be ssl:"),
    ],
)
def test_invalid_settings_of_rabbitmq_are_reported(keys, message):
    with pytest.raises(ConfigurationError) as caught:
        parse(f"{OPEN}bus: {{{keys}}}", "here.yml", Plugins(), {})
    (line,) = caught.value.problems
    assert line.startswith(f"here.yml: {message}")


def test_a_control_character_in_a_key_cannot_break_the_line():
    (line,) = problems('"a\\nb": 1')
    assert line.startswith("a b: is not a known key")


# -- YAML -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bus:\n  - a\n b: c\n", "line 3: is not YAML"),
        (
            "bus:\n  a: 1\n - b\n",
            "line 3: is not YAML: the indentation differs from the lines of the same block",
        ),
        ("bus: {a: 1", "line 1: is not YAML: a bracket is not closed, or a comma is missing"),
        ("bus: [a, b\nlog: 1", "line 2: is not YAML: a bracket is not closed, or a comma is missing"),
        ("bus:\n\ta: 1", "line 2: is not YAML: a tab is used for indentation; indent with spaces"),
        ("bus: {}\nabc\nlog: {}", "line 3: is not YAML: a line lacks its colon"),
        ("bus: {a: 1, a: 2}", "line 1: repeats a key of line 1"),
        ("bus: {1: 1, true: 2}", "line 1: repeats a key"),
        ("? [a]\n: b", "line 1: has a list or a mapping as a key"),
        ("a: &x [*x]", "line 1: is not YAML: found unconstructable recursive node"),
        ("a: !!int x", "line 1: has a value that does not match its tag"),
        ("a: !!python/object:os.system x", "line 1: is not YAML: could not determine a constructor"),
        ("a: 1\n---\nb: 2", "line 2: is not YAML: but found another document"),
        ("a: \x07", "is not YAML: it has a character that YAML does not allow"),
        ("[" * 5000, "is nested too deep"),
        ("text", "must hold keys and values"),
    ],
)
def test_invalid_yaml_is_reported_with_its_line(text, message):
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "here.yml", example_plugins.plugins(), {})
    (line,) = caught.value.problems
    assert line.startswith(f"here.yml: {message}")


def test_anchors_and_merge_keys_work():
    assert (
        config("""
        bus: &b {vhost: /x}
        dialects: {wazo: {}}
        """).bus.vhost
        == "/x"
    )
    tokens = config("""
        auth:
          type: static
          tokens:
            one: &one {uuid: u, tenant_uuid: t, admin: true}
            two: {<<: *one, uuid: v}
        """).auth.tokens
    assert (tokens["two"].uuid, tokens["two"].admin) == ("v", True)


# -- secrets ----------------------------------------------------------------------------------

SECRET = "correct-horse"


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "password").write_text(f"{SECRET}\n")
    assert config(f"bus: {{password_file: {tmp_path}/password}}").bus.password == SECRET


def test_a_secret_may_come_from_the_environment():
    assert config("bus: {password_env: RABBIT}", {"RABBIT": SECRET}).bus.password == SECRET


def test_null_counts_as_not_given():
    assert config("bus: {password_file: null, password: x}").bus.password == "x"
    assert config("bus: {password_file: null, password_env: P}", {"P": SECRET}).bus.password == SECRET


def test_a_later_file_may_give_a_secret_by_another_key(etc):
    given = etc(
        {"config.yml": OPEN + "bus: {password: guest}", "conf.d/a.yml": "bus: {password_env: P}"},
        {"P": SECRET},
    )
    assert given.bus.password == SECRET


def test_a_key_that_is_not_a_secret_has_no_file_key():
    assert problems("bus: {vhost_file: /x}") == ["bus.vhost_file: is not a known key; did you mean vhost?"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("password: a, password_file: b", "bus.password_file: cannot be given together with password"),
        (
            "password_env: a, password_file: b",
            "bus.password_env: cannot be given together with password_file",
        ),
        (
            "password_file: /nowhere",
            "bus.password_file: names a file that cannot be read: No such file or directory",
        ),
        ("password_file: /dev/null", "bus.password_file: names a file that is empty"),
        ("password_file: 5", "bus.password_file: must be the path of a file"),
        ("password_env: UNSET", "bus.password_env: names an environment variable that is not set"),
        ("password_env: [a]", "bus.password_env: must be text"),
        ("password: 5", "bus.password: must be text"),
    ],
)
def test_a_secret_that_cannot_be_read_is_one_line(keys, message):
    assert problems(f"bus: {{{keys}}}") == [message]


@pytest.mark.parametrize(
    "text",
    [
        "bus: {password: [correct-horse]}",
        "bus: {password: {correct-horse: 1}}",
        "bus: {password: {correct-horse}}",
        "bus: {password: !correct-horse }",
        "bus: {password: !correct-horse x}",
        "bus: {password: *correct-horse }",
        "bus: {password: @correct-horse}",
        "bus: {password: `correct-horse}",
        "bus: {password: %correct-horse}",
        'bus: {password: "\\correct-horse"}',
        "bus: {password: 'correct-horse}",
        "bus:\n  password: correct-horse: x\n",
        "bus:\n  password: &correct-horse\n    a\n  vhost: 5",
        "bus: {password_env: correct-horse}",
        "bus: {password_file: correct-horse}",
        "bus: {password: correct-horse, vhost: 5}",
        "auth: {service_key: [correct-horse]}",
        "auth: {type: static, tokens: correct-horse}",
        "auth: {type: static, tokens: [correct-horse]}",
        "auth: {type: static, tokens: {correct-horse: 5}}",
        "auth: {type: static, tokens: {correct-horse: {uuid: 5}}}",
        "auth: {type: static, tokens: {correct-horse: {uid: 5}}}",
        "auth: {type: static, tokens: {correct-horse: {}, correct-horse: {}}}",
    ],
)
def test_no_message_contains_a_secret(text):
    with pytest.raises(ConfigurationError) as caught:
        config(text)
    assert SECRET not in str(caught.value)


def test_no_repr_contains_a_secret():
    given = config("bus: {password: correct-horse}")
    assert SECRET not in repr(given)


# -- arbitrary text ---------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=9),
    st.dates(),
    st.binary(max_size=4),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            "listen",
            "origin_uuid",
            "bus",
            "auth",
            "websocket",
            "limits",
            "outbound",
            "dialects",
            "type",
            "wazo",
            "talk",
            "amqp",
            "static",
            "tokens",
            "endpoint",
            "vhost",
            "password",
            "password_env",
            "heartbeat",
            "ping_interval",
            "subscriptions",
            "uuid",
            "tenant_uuid",
            "acl",
        ]
    ),
    SCALARS,
)
TREES = st.recursive(
    st.one_of(SCALARS, st.sampled_from(["amqp", "static", "wazo", "talk", "tcp:9502", "curt"])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS), inner, max_size=5)),
    max_leaves=30,
)


def is_config_or_problem(text):
    try:
        assert isinstance(parse(text, "here.yml", example_plugins.plugins(), {}), Config)
    except ConfigurationError as error:
        assert error.problems
        assert all(line.isprintable() for line in error.problems)


@given(st.dictionaries(KEYS, TREES, max_size=8))
def test_any_document_is_a_configuration_or_a_list_of_problems(tree):
    is_config_or_problem(yaml.safe_dump(tree))


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@`?,# \n\t~<=.0123456789eE\\"), max_size=60))
def test_any_text_is_a_configuration_or_a_list_of_problems(text):
    is_config_or_problem(text)


def test_os_environ_is_accepted_as_the_environment(etc):
    assert etc({}, os.environ).listen == [ListenEntry("tcp:9502")]
