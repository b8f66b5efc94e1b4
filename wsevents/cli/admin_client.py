"""An HTTP client for the gateway's status listener, over TCP or a Unix socket.

It blocks and uses no reactor, because a command does nothing else in this time.
"""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from attrs import frozen

from wsevents.api.errors import ConfigurationError
from wsevents.api.settings import StatusSettings
from wsevents.cli.options import DEFAULT
from wsevents.cli.output import CommandError
from wsevents.endpoints.strings import split

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse
    from pathlib import Path

_SECONDS = 30
_OK = 200
_ANY = {"", "0.0.0.0", "::"}  # noqa: S104 compared, not bound


def address_of(endpoint: str) -> str:
    """Return the URL of a server endpoint string for clients on the same machine.

    Raises:
        ValueError: the command cannot connect to this kind of endpoint.
    """
    kind, given, named = split(endpoint)
    first = given[0] if given else ""
    if kind == "unix" and (path := named.get("address", first)):
        return f"unix:{path}"
    if kind not in {"tcp", "tcp6", "ssl"}:
        raise ValueError(f"{endpoint} has no known address")
    host = named.get("interface", "")
    host = "127.0.0.1" if host in _ANY else host
    scheme = "https" if kind == "ssl" else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{named.get('port', first)}"


def find(url: str | None, config: Path) -> AdminAddress:
    """Return the status listener of a URL, else of a configuration, else the default one.

    If the default configuration cannot be read, the result is the default listener: the file holds passwords,
    so most users may not read it.

    Raises:
        CommandError: the configuration has no status listener, or the command cannot connect to it.
        ConfigurationError: the operator gave another configuration, and it cannot be read.
    """
    return AdminAddress(url or _configured(config))


def _configured(config: Path) -> str:
    from wsevents.config.loader import read_tree

    try:
        status = read_tree(config).get("status")
    except ConfigurationError:
        if str(config) != DEFAULT:
            raise
        status = None
    section = status if isinstance(status, dict) else {}
    endpoint = section.get("endpoint", StatusSettings().endpoint)
    if endpoint is None:
        raise CommandError(f"{config}: status.endpoint: the status listener is disabled; set an endpoint")
    try:
        return address_of(str(endpoint))
    except ValueError as error:
        raise CommandError(f"{config}: status.endpoint: {error}; set its URL with --url") from None


class _Unix(HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(self._path)


@frozen
class AdminAddress:
    """The status listener of a gateway."""

    url: str

    def get(self, path: str, query: Mapping[str, str | None]) -> Any:
        """Send a GET and return the gateway's answer, a JSON object; None in the query is left out.

        Raises:
            CommandError: the gateway does not answer, or answers with an error.
        """
        given = {key: value for key, value in query.items() if value is not None}
        return self._request("GET", f"{path}?{urlencode(given)}" if given else path, None)

    def post(self, path: str, content: Mapping[str, Any]) -> Any:
        """Send a POST with JSON and return the gateway's answer. Raises as `get`."""
        return self._request("POST", path, json.dumps(content))

    def _request(self, method: str, target: str, body: str | None) -> Any:
        connection, prefix = self._connection()
        try:
            connection.request(
                method, prefix + target, body, {"Content-Type": "application/json"} if body else {}
            )
            return self._answer(connection.getresponse())
        except (OSError, HTTPException) as error:
            raise CommandError(self._unreachable(error)) from None
        finally:
            connection.close()

    def _connection(self) -> tuple[HTTPConnection, str]:
        """Return a connection and the prefix of all paths."""
        if self.url.startswith("unix:"):
            return _Unix(self.url.removeprefix("unix:")), ""
        kinds = {"http": HTTPConnection, "https": HTTPSConnection}
        try:
            parts = urlsplit(self.url)
            return kinds[parts.scheme](parts.hostname or "", parts.port, timeout=_SECONDS), parts.path.rstrip(
                "/"
            )
        except (KeyError, ValueError, HTTPException):
            raise CommandError(
                f"{self.url}: not a valid URL; write it like http://127.0.0.1:9503 or "
                "unix:/run/wsevents/status"
            ) from None

    def _answer(self, response: HTTPResponse) -> Any:
        try:
            answer = json.loads(response.read())
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise CommandError(
                f"{self.url} answered with HTTP {response.status} and is not a gateway; correct the address"
            )
        if response.status != _OK:
            raise CommandError(str(answer.get("error", f"the gateway answered with HTTP {response.status}")))
        return answer

    def _unreachable(self, error: Exception) -> str:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return (
            f"{self.url} does not answer: {why}; start the gateway, or set --url to the status.endpoint of "
            "its configuration"
        )
