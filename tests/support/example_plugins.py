"""A minimal dialect, bus and authenticator, for tests of the plug-in loader."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from attrs import field, frozen
from twisted.application.service import Service
from twisted.internet.defer import succeed
from zope.interface import implementer

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.identity import Denied
from wsevents.api.interfaces import IAuthenticator, IBus, IDialect
from wsevents.api.settings import Auth, Bus, key, not_negative, one_of
from wsevents.config.plugins import Plugins
from wsevents.endpoints.check import check_client_endpoint


def endpoints(_, __, value):
    for string in [value] if isinstance(value, str) else value:
        check_client_endpoint(string)


@frozen(kw_only=True)
class RabbitSettings(Bus):
    endpoint: str | list[str] = key("tcp:localhost:5672", "Where it is.", check=endpoints)
    vhost: str = key("/", "Virtual host.")
    username: str = key("guest", "User.")
    password: str = key("guest", "Password.", secret=True)
    heartbeat: float = key(10.0, "Seconds.", check=not_negative)


def paired(auth, _, value):
    if (value is None) != (auth.service_id is None):
        raise ValueError("must be given together with service_id")


@frozen(kw_only=True)
class WazoAuthSettings(Auth):
    host: str = key("localhost", "Host.")
    port: int = key(80, "Port.")
    https: bool = key(False, "TLS.")
    prefix: str = key("/api/auth", "Prefix.")
    verify_certificate: bool | str = key(True, "How.")
    service_id: str | None = key(None, "Id.")
    service_key: str | None = key(None, "Key.", secret=True, check=paired)
    key_file: str | None = key(None, "Key file.")


def alone(token, _, value):
    if value is not None and token.expires_at is not None:
        raise ValueError("cannot be given together with expires_at")


@frozen(kw_only=True)
class TokenSettings:
    uuid: str
    tenant_uuid: str
    acl: list[str] = key([], "ACL.")
    admin: bool = key(False, "Admin.")
    expires_at: str | float | None = key(None, "When.")
    expires_in: float | None = key(None, "Seconds.", check=alone)


@frozen(kw_only=True)
class TokensSettings(Auth):
    tokens: dict[str, TokenSettings] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class TalkSettings:
    manner: str = key("kind", "How to talk.", check=one_of("kind", "curt"))
    topics: tuple[str, ...] = field(default=())


@implementer(IBus)
class Rabbit(Service):
    settings: type = RabbitSettings
    up = False

    @classmethod
    def create(cls, settings: Any, reactor: Any):
        return cls()

    def attach(self, listener, exchanges, bindings):
        pass

    def bind(self, binding):
        return succeed(None)

    def unbind(self, binding):
        return succeed(None)

    def publish(self, exchange, key, headers, body):
        return succeed(None)


@implementer(IAuthenticator)
class WazoAuth(Service):
    settings: type = WazoAuthSettings

    @classmethod
    def create(cls, settings: Any, reactor: Any):
        return cls()

    def answer(self, question, now):
        return succeed(Denied("always"))

    def revise(self, identity):
        return identity

    def watch(self, changed):
        pass


class Tokens(WazoAuth):
    settings: type = TokensSettings


@implementer(IDialect)
class Talk:
    name = "talk"
    default = False
    page = demo = None
    settings: type = TalkSettings
    sources = ()
    authority = ""
    policy = ConnectionPolicy()

    @classmethod
    def create(cls, settings: Any, config: Any):
        return cls()

    @classmethod
    def greeting(cls, settings, base_url, now):
        return []

    def serves(self, path):
        return True

    def session(self, request, entropy):
        raise AssertionError("this plug-in is only loaded, never used")

    def project(self, event):
        return None

    def encode(self, projection, shape, variant):
        return None


class DefaultTalk(Talk):
    default = True


def plugins() -> Plugins:
    """Return the plug-ins of this module under the names of the built-in ones."""
    known = {
        "wsevents.buses": {"amqp": "Rabbit"},
        "wsevents.auth": {"wazo": "WazoAuth", "static": "Tokens"},
        "wsevents.dialects": {"wazo": "DefaultTalk", "talk": "Talk"},
    }
    return Plugins(
        lambda group: [
            EntryPoint(name, f"{__name__}:{thing}", group) for name, thing in known.get(group, {}).items()
        ]
    )
