"""A server that wants an API key: the page asks for it, uses it for all it does, and keeps it only if told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Player
from tests.browser.test_access import require_accessible
from tests.conftest import Service, running_service, running_valkey

KEY = "mine-alone"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    environment = {"API_KEY": KEY}
    with running_valkey() as server, running_service(server.url, tmp_path_factory.mktemp("key"), environment) as it:
        yield it


def enter(player: Player, key: str, *, keep: bool = False) -> None:
    player.page.fill("#key", key)
    player.page.set_checked("#keep-key", keep)
    player.page.click("#key-form button[type=submit]")


def kept(player: Player) -> list[str]:
    values: list[str] = player.page.evaluate("Object.values(localStorage)")
    return values


def test_it_is_asked_for_and_used_for_everything(open_player: Callable[..., Player], locked: Service) -> None:
    player = open_player(locked.url, shows="#key-card:not([hidden])")
    page = player.page
    assert "wants an API key" in page.inner_text("#notice")
    assert page.evaluate("document.activeElement.id") == "key"
    require_accessible(player)
    enter(player, "not the right one")
    page.wait_for_selector("#notice p")
    assert "Incorrect API key" in page.inner_text("#notice")
    enter(player, KEY)
    page.wait_for_selector(".voice")
    assert page.inner_text("#notice") == ""
    player.speak("One two three four five six.")
    player.wait(lambda: player.ask("isComplete"), "all of it")
    page.click("#download > summary")
    with page.expect_download() as download:
        page.click("#save-audio")
    assert download.value.suggested_filename.endswith(".mp3")
    assert [value for value in kept(player) if KEY in value] == []
    assert [url for url in player.requests if KEY in url] == []


def test_it_is_kept_if_one_ticks_so_and_forgotten_again(open_player: Callable[..., Player], locked: Service) -> None:
    player = open_player(locked.url, shows="#key-card:not([hidden])")
    page = player.page
    enter(player, KEY, keep=True)
    page.wait_for_selector(".voice")
    page.reload()
    page.wait_for_selector(".voice")
    assert KEY in kept(player)
    page.click("#forget-key")
    page.wait_for_selector("#notice p")
    assert "wants an API key" in page.inner_text("#notice")
    assert KEY not in kept(player)
    page.reload()
    page.wait_for_selector("#key-card:not([hidden])")


def test_where_none_is_wanted_nothing_is_seen_of_it(player: Player) -> None:
    assert not player.page.is_visible("#key-card")
