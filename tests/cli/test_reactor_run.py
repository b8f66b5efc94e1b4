"""Signals end a command that waits for an answer."""

import signal

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.threads import deferToThread

from tests.support.shell import DEADLINE, begin
from tests.support.wazo_auth import WazoAuth


@async_yield_fixture
async def waiting(tmp_path):
    """A command that waits for an answer that does not arrive."""
    from twisted.internet import reactor

    server = WazoAuth(reactor, hang=True)
    server.start()
    file = tmp_path / "config.yml"
    file.write_text(
        f'listen: ["tcp:0"]\nbus: {{type: memory}}\nauth: {{host: 127.0.0.1, port: {server.port}}}\n'
    )
    process = begin("token", "t", "--config", file)
    await server.requested(1)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()
    await server.stop()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
@ensureDeferred
async def test_a_signal_ends_it_at_once_and_without_a_traceback(waiting, number, status):
    waiting.send_signal(number)
    out, err = await deferToThread(waiting.communicate, timeout=DEADLINE)
    assert (waiting.returncode, out, err.strip()) == (status, "", "")
