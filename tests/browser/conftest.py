"""Real headless Chromium, as the distribution packages it, on a real service."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.conftest import Service, running_service, running_valkey, wait_until

HERE = Path(__file__).parent
BINARIES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP = ViewportSize(width=1280, height=860)

HEARD = """
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when = 0, ...more) {
  window.heard.push({ when, samples: Array.from(this.buffer.getChannelData(0), (value) => value * 32768) });
  return start.call(this, when, ...more);
};
"""
"""Keeps all that is ever given to the sound card."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BINARIES)), None)
    if path is None:
        pytest.fail("No Chromium here. On Debian or Ubuntu: apt install chromium")
    # Chromium's sandbox refuses to run for root, as in containers.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


class Player:
    """The web player in one tab of its own, and what is to be seen and heard of it."""

    def __init__(self, page: Page, url: str, shows: str = ".voice") -> None:
        """``shows``: what is to be seen once it is there."""
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.add_init_script(HEARD)
        page.goto(f"{url}/web/")
        page.wait_for_selector(shows)

    def ask(self, expression: str) -> Any:
        """A property of `window.kokoroPlayer`."""
        return self.page.evaluate(f"window.kokoroPlayer.{expression}")

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
        wait_until(condition, f"{what}; it is {self.ask('state')} at {self.ask('position')}", timeout_s)

    def wait_for(self, state: str) -> None:
        self.wait(lambda: self.ask("state") == state, state)

    def write(self, text: str) -> None:
        self.page.fill("#text", text)

    def speak(self, text: str) -> None:
        """Type, press play, and wait for the sound."""
        self.write(text)
        self.page.click("#play")
        self.wait(lambda: self.ask("level") > 0.01, "sound")

    def speech(self) -> list[str]:
        """What was asked of the API for sound or subtitles."""
        return [url for url in self.requests if "/v1/audio/" in url and not url.endswith("/voices")]

    def marked(self) -> str | None:
        """The word that is lit."""
        mark = self.page.query_selector(".mark")
        return None if mark is None else mark.get_attribute("data-word")


@pytest.fixture
def open_player(browser: Browser) -> Iterator[Callable[..., Player]]:
    """Opens players; afterwards none may have asked another host, or complained."""
    players: list[Player] = []

    def opened(url: str, **options: Any) -> Player:
        shows = options.pop("shows", ".voice")
        page = browser.new_context(viewport=options.pop("viewport", DESKTOP), **options).new_page()
        players.append(Player(page, url, shows))
        return players[-1]

    yield opened
    for player in players:
        player.page.context.close()
        assert [url for url in player.requests if not url.startswith((player.url, "blob:"))] == []
        assert [line for line in player.complaints if "Failed to load resource" not in line] == []


@pytest.fixture
def player(open_player: Callable[..., Player], service: Service) -> Player:
    """A player on a service that answers at once."""
    return open_player(service.url)


@pytest.fixture(scope="session")
def slow_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that speaks three times as fast as it is listened to."""
    folder = tmp_path_factory.mktemp("slow")
    with running_valkey() as valkey, running_service(valkey.url, folder, {"FAKE_SPEED_FACTOR": "3"}) as running:
        yield running
