"""docs/getting-started.md, done as it stands: in the repository, with `make`, on the port that it names."""

import os
import re
import signal
import subprocess
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.test_browser import names
from tests.integration.test_documentation import blocks
from tests.support.browser import browser
from tests.support.gateway_process import embedded_ports

__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "getting-started.md").read_text()
START, PROGRAM = blocks(PAGE, "sh")
(SAID,) = blocks(PAGE, "text")
CLEAN = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "MAKE", "MFLAGS"))}
"""The environment of a new user, without the variables of `make test`."""


class Shell:
    """A command of the page, as typed in the directory of the repository.

    Attributes:
        said: what it has printed so far.
    """

    def __init__(self, command, **environment):
        self.said = []
        self.process = subprocess.Popen(
            ["sh", "-ec", command],
            cwd=ROOT,
            env=CLEAN | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until(self, pattern):
        """Read until a line matches; fail if it ends before."""
        for line in self.process.stdout:
            self.said.append(line)
            if re.search(pattern, line):
                return
        pytest.fail(f"never said {pattern!r}:\n{''.join(self.said)}")

    def rest(self):
        """Read what it still says, until it has ended."""
        self.said += self.process.stdout.readlines()
        self.process.wait()
        return self.said

    def interrupt(self):
        """Press Ctrl-C."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.interrupt()
        self.rest()
        self.process.stdout.close()


@pytest.fixture
def started(tmp_path):
    """What the first command starts, once it says where it is."""
    with embedded_ports(), Shell(START, WSEVENTS_STATE=str(tmp_path)) as gateway:
        gateway.until("the bus is up")
        # A thread must always read the pipe: a full pipe would block the process.
        listener = Thread(target=lambda: gateway.said.extend(gateway.process.stdout), daemon=True)
        listener.start()
        yield gateway
        gateway.interrupt()
        listener.join()


def test_the_gateway_says_what_the_page_says(started):
    said = "".join(started.said)
    for line in SAID.splitlines():
        assert line in said


def test_the_program_prints_events_and_how_it_ended(started):
    with Shell(PROGRAM) as client:
        client.until(r"^(call|agent|queue)_\w+$")
        started.interrupt()
        assert client.rest()[-1].startswith("closed: 1001")


def test_the_browser_shows_events_and_what_is_published(started, browser):
    (address,) = re.findall(r"^1\. Open <(.*?)>", PAGE, re.MULTILINE)
    browser.open(address)
    browser.type("#token", "demo")
    for button in re.findall(r"press \*\*(.*?)\*\*", PAGE, re.IGNORECASE):
        (shown,) = [one for one in browser.find_all("button") if one.text == button]
        browser.until(shown.is_enabled, button)
        shown.click()
    browser.until(lambda: len(browser.find_all("tr.event")) >= 5, "events")
    (title,) = re.findall(r"Under \*\*(.*?)\*\*", PAGE)
    (form,) = [one for one in browser.find_all("summary") if one.text == title]
    form.click()
    browser.type("#publish-name", "mine")
    browser.click("#publish-send")
    browser.until(lambda: "mine" in names(browser), "the event")
