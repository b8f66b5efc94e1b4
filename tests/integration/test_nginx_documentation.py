"""What the pages show of nginx, done by a real one before a gateway."""

import json
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.integration.test_documentation import blocks
from tests.support.certificates import write_pair
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.nginx import terminating
from tests.support.ports import reserved_port
from tests.support.websocket_client import Client, trusting

DOCS = Path(__file__).parents[2] / "docs"
TOKEN = "?token=s3cret-user"


@contextmanager
def nginx(page, folder, instead):
    """Give the port of an nginx with the configuration that a page shows, except some texts."""
    (text,) = blocks((DOCS / page).read_text().replace("\n  ", "\n"), "nginx")
    for shown, here in instead.items():
        assert shown in text
        text = text.replace(shown, here)
    with terminating(folder, text, *write_pair(folder)) as port:
        yield port


def test_beside_wazo_websocketd_clients_come_by_an_address_of_its_own(tmp_path):
    port = reserved_port()
    listen, trusted = blocks((DOCS / "migration.md").read_text(), "yaml")[0].splitlines()
    text = standalone(tmp_path).splitlines()
    text = [listen.replace("9512", str(port)) if line.startswith("listen:") else line for line in text]
    with (
        GatewayProcess(tmp_path, "\n".join([*text, trusted])) as gateway,
        nginx("migration.md", tmp_path, {"127.0.0.1:9512": f"127.0.0.1:{gateway.ready().port}"}) as front,
        Client(
            f"wss://127.0.0.1:{front}/api/wsevents/?token=s3cret-user", DEADLINE, ssl=trusting()
        ) as client,
    ):
        assert json.loads(client.recv(DEADLINE))["op"] == "init"


def ask(port, path, password=None):
    """Return what nginx answers: the status, and the text."""
    account = b64encode(f"prometheus:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {account}"} if password else {}
    try:
        with urlopen(
            Request(f"https://127.0.0.1:{port}{path}", headers=headers), timeout=DEADLINE, context=trusting()
        ) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, ""


def test_prometheus_gets_the_metrics_and_nothing_else_and_only_by_a_password(tmp_path):
    port = reserved_port()
    passwords = tmp_path / "metrics.htpasswd"
    passwords.write_text("prometheus:{PLAIN}s3cret\n")
    instead = {"9503": str(port), "/etc/nginx/metrics.htpasswd": str(passwords)}
    text = standalone(tmp_path) + f'status: {{endpoint: "tcp:{port}:interface=127.0.0.1"}}\n'
    with (
        GatewayProcess(tmp_path, text) as gateway,
        nginx("security.md", tmp_path, instead) as front,
    ):
        gateway.ready()
        assert ask(front, "/metrics")[0] == 401
        assert ask(front, "/metrics", "wrong")[0] == 401
        status, metrics = ask(front, "/metrics", "s3cret")
        assert (status, "wsevents_peers" in metrics) == (200, True)
        assert ask(front, "/sessions", "s3cret")[0] == 404
