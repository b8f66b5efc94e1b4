"""The reference: Nchan, a C module of nginx, with one worker process and its own publisher."""

import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import processes
from bench.events import SIZE, event, now
from bench.load import Peers
from tests.support.certificates import write_pair
from tests.support.ports import reserved_ports

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NGINX = "/usr/sbin/nginx"
TIMEOUT = 30
"""Seconds for nginx to start or stop."""

CONFIG = """
load_module {module};
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {root}/pid;
error_log {root}/error.log warn;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    fastcgi_temp_path {root}/fastcgi;
    proxy_temp_path {root}/proxy;
    scgi_temp_path {root}/scgi;
    uwsgi_temp_path {root}/uwsgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        ssl_certificate {crt};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location ~ ^/listen/(\\w+)$ {{
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_websocket_ping_interval 60;
        }}
    }}
    server {{
        listen 127.0.0.1:{publish_port};
        keepalive_requests 10000000;
        location ~ ^/publish/(\\w+)$ {{
            nchan_publisher http;
            nchan_channel_id $1;
        }}
    }}
}}
"""


class Nchan:
    """A running nginx with Nchan on two ports: one with TLS for the peers, one for the publisher.

    Attributes:
        name: in the results.
        port: for the peers.
    """

    name = "Nchan"

    def __init__(self, load, files):
        self._load = load
        with ExitStack() as stack:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsevents-bench-")))
            key, crt = write_pair(root)
            self.port, publish_port = reserved_ports(2)
            (root / "nginx.conf").write_text(
                CONFIG.format(
                    module=MODULE,
                    user="user root;" if os.geteuid() == 0 else "",
                    files=files,
                    connections=files // 2,
                    root=root,
                    port=self.port,
                    publish_port=publish_port,
                    key=key,
                    crt=crt,
                )
            )
            command = [NGINX, "-p", root, "-c", root / "nginx.conf", "-e", root / "error.log"]
            self._process = subprocess.Popen(command)
            stack.callback(self._process.wait, TIMEOUT)
            stack.callback(self._process.terminate)
            self._publisher = stack.enter_context(Publisher(_dial(publish_port)))
            self._stack = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    @property
    def pids(self):
        """The IDs of all its processes."""
        return processes.family(self._process.pid)

    def join(self, name, count):
        """Connect peers that subscribe to a channel."""
        return Peers(self._load, self.port, count, f"/listen/{name}")

    def publish(self, name, burst=1, size=SIZE):
        """Publish events to a channel."""
        self._publisher.publish(name, burst, size)


def _dial(port):
    """Connect to a server that is starting; retry until the timeout."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), TIMEOUT)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Publisher:
    """Publishes over one persistent HTTP connection; the requests of a burst are pipelined."""

    def __init__(self, connection):
        self._connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = connection.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._answers.close()
        self._connection.close()

    def publish(self, name, burst, size):
        """Publish `burst` events, and wait for all responses."""
        for _ in range(burst):
            body = event(name, now(), size)
            head = f"POST /publish/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            self._connection.sendall(head.encode() + body)
        for _ in range(burst):
            read_answer(self._answers)


def read_answer(stream):
    """Read one HTTP response and return its body. Raises ValueError if the status is not 2xx."""
    status = stream.readline()
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not status.startswith(b"HTTP/1.1 2"):
        raise ValueError(f"the server answered {status!r}")
    return stream.read(length)
