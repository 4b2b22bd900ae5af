"""What a person is told when it does not work, and what helps then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser.conftest import Player
from tests.conftest import running_service, running_valkey, wait_until

LONG = "The tide was going out, further than she had ever seen it go. " * 200


def test_a_service_without_workers_says_when_to_try_again(open_player: Callable[..., Player], tmp_path: Path) -> None:
    with running_valkey() as valkey, running_service(valkey.url, tmp_path, workers=0) as service:
        player = open_player(service.url)
        player.write("One two three.")
        player.page.click("#play")
        notice = player.page.locator("#notice[role=alert]")
        player.wait(lambda: "No worker is running." in notice.inner_text(), "told")
        assert "Try again in" in notice.inner_text()
        assert player.ask("state") == "idle"
        assert player.page.input_value("#text") == "One two three."
        player.wait(lambda: "Try again now." in notice.inner_text(), "counted down")
        service.start_worker()
        service.wait_ready()
        notice.get_by_role("button", name="Try again").click()
        player.wait(lambda: player.ask("level") > 0.01, "sound")
        assert notice.inner_text() == ""


def test_what_was_heard_of_a_broken_connection_stays(open_player: Callable[..., Player], tmp_path: Path) -> None:
    environment = {"FAKE_SPEED_FACTOR": "3"}
    with running_valkey() as valkey, running_service(valkey.url, tmp_path, environment) as service:
        player = open_player(service.url)
        player.speak(LONG)
        service.gateway.kill()
        player.page.wait_for_selector("#notice p")
        assert "The connection broke before the end." in player.page.inner_text("#notice")
        assert player.page.get_by_role("button", name="Try again").is_visible()
        player.page.focus("#wave")
        player.page.keyboard.press("Home")
        player.wait(lambda: player.ask("level") > 0.01, "what had arrived")
        player.page.get_by_role("button", name="Try again").click()
        wait_until(lambda: "cannot be reached" in player.page.inner_text("#notice"), "told that nobody answers")


def test_a_refused_text_is_told_in_the_servers_words(player: Player) -> None:
    player.write("One [voice:nobody] two.")
    player.page.click("#play")
    player.page.wait_for_selector("#notice p")
    assert "nobody" in player.page.inner_text("#notice")
    assert player.page.get_by_role("button", name="Try again").count() == 0  # it would be refused again
    assert player.page.is_visible("#text")


def test_nothing_to_speak_is_told(player: Player) -> None:
    player.write("   ")
    player.page.click("#play")
    assert "There is no text to speak yet" in player.page.inner_text("#notice")
    assert player.page.evaluate("document.activeElement.id") == "text"
