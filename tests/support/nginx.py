"""A real nginx process, on a socket that already listens."""

import os
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

TIMEOUT = 60
PROGRAM = "/usr/sbin/nginx"
CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {crt};
        ssl_certificate_key {key};
        {text}
    }}
}}
"""


@contextmanager
def terminating(folder, text, key, crt):
    """Run nginx with TLS and these locations; yield its port on 127.0.0.1."""
    if not Path(PROGRAM).exists():
        pytest.fail("these tests need nginx: apt-get install nginx-light", pytrace=False)
    folder = Path(folder) / "nginx"
    folder.mkdir()
    file = folder / "nginx.conf"
    with socket.create_server(("127.0.0.1", 0)) as listening:  # so that no client connects too early
        number, port = listening.fileno(), listening.getsockname()[1]
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(
            CONFIGURATION.format(user=user, folder=folder, port=port, key=key, crt=crt, text=text)
        )
        process = subprocess.Popen(
            [PROGRAM, "-p", folder, "-c", file, "-e", "stderr"],
            pass_fds=[number],
            env={**os.environ, "NGINX": f"{number};"},  # nginx passes its sockets to its successor this way
        )
        with process:
            try:
                yield port
            finally:
                process.terminate()
                process.wait(TIMEOUT)
