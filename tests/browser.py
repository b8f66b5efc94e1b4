"""A real Chromium without a window, driven by selenium."""

import shutil

import pytest
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
    """What a person does with a page: look, type, click, wait."""

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
        """Wait until something is so; return it."""
        wait = WebDriverWait(self.driver, DEADLINE, poll_frequency=0.05)
        return wait.until(lambda _: true(), f"never came: {what}")

    def run(self, script):
        return self.driver.execute_script(script)

    def complaints(self):
        """Return what the browser wrote to its console: errors, refused content. Of its own pages nothing."""
        messages = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in messages if not message.startswith("chrome://")]


@pytest.fixture
def browser(tmp_path):
    """A browser that takes self-signed certificates and knows nothing from before."""
    places = {program: shutil.which(program) for program in PROGRAMS}
    missing = [program for program, place in places.items() if place is None]
    if missing:
        pytest.fail(f"{' and '.join(missing)} not found; Debian's packages are chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = places["chromium"]
    options.accept_insecure_certs = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'chromium'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(places["chromedriver"]))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
