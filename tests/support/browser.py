"""A real headless Chromium, controlled by selenium."""

import json
import shutil
from contextlib import closing, contextmanager
from urllib.request import urlopen

import pytest
import websocket
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

DEADLINE = 60
PROGRAMS = ("chromium", "chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1360,1000",
)


class Browser:
    """The actions of a user on a page: look, type, click, wait."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url):
        self.driver.get(url)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.until(lambda: self.find(selector).is_enabled(), selector)
        self.find(selector).click()

    def type(self, selector, text):
        self.find(selector).clear()
        self.find(selector).send_keys(text)

    def text(self, selector):
        return self.find(selector).text

    def value(self, selector):
        return self.find(selector).get_property("value")

    def shows(self, selector, text):
        """Wait until an element shows a text."""
        self.until(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def until(self, true, what):
        """Wait until a function returns a true value; return the value."""
        wait = WebDriverWait(self.driver, DEADLINE, poll_frequency=0.05)
        return wait.until(lambda _: true(), f"never came: {what}")

    def run(self, script):
        return self.driver.execute_script(script)

    def complaints(self):
        """Return the browser's console: errors and blocked content, without those of its own pages."""
        messages = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in messages if not message.startswith("chrome://")]


class DevTools:
    """The DevTools connection of the browser; chromedriver gives access to a page's only."""

    def __init__(self, address):
        with urlopen(f"http://{address}/json/version", timeout=DEADLINE) as answer:
            url = json.load(answer)["webSocketDebuggerUrl"]
        self._socket = websocket.create_connection(url, DEADLINE, suppress_origin=True)
        self._last = 0

    def ask(self, method, **params):
        """Return the result of a method. Raises KeyError with the answer if it failed."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._last:
            pass  # an event
        if "result" not in answer:
            raise KeyError(answer)
        return answer["result"]

    def close(self):
        self._socket.close()


@contextmanager
def started(folder):
    """Start a browser that accepts any certificate and stores its files in a folder."""
    places = {program: shutil.which(program) for program in PROGRAMS}
    missing = [program for program, place in places.items() if place is None]
    if missing:
        pytest.fail(f"{' and '.join(missing)} not found; Debian's packages are chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = places["chromium"]
    options.accept_insecure_certs = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(places["chromedriver"]))
    try:
        with closing(DevTools(driver.capabilities["goog:chromeOptions"]["debuggerAddress"])) as devtools:
            yield driver, devtools
    finally:
        driver.quit()


@pytest.fixture
def browser(chromium):
    """A browser window without cookies, passwords, cache and log of earlier tests."""
    driver, devtools = chromium
    first = driver.current_window_handle
    driver.get_log("browser")  # the log is the driver's, and reading it empties it
    profile = devtools.ask("Target.createBrowserContext")
    page = devtools.ask("Target.createTarget", url="about:blank", **profile)
    driver.switch_to.window(page["targetId"])
    try:
        yield Browser(driver)
    finally:
        driver.switch_to.window(first)
        devtools.ask("Target.disposeBrowserContext", **profile)
