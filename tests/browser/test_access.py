"""By keyboard alone, on narrow screens, with a screen reader's tree, in the dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ViewportSize

from tests.browser.conftest import Player
from tests.conftest import Service

GRAVE = ("serious", "critical")
TEXT = "One two three four five six. " * 4


def require_accessible(player: Player) -> None:
    """No serious or critical finding of axe-core."""
    found = Axe().run(player.page).response["violations"]
    told = [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in GRAVE
    ]
    assert told == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(open_player: Callable[..., Player], service: Service, scheme: str) -> None:
    player = open_player(service.url, color_scheme=scheme)
    page = player.page
    require_accessible(player)
    page.get_by_role("button", name="Mix Bella in").click()
    page.select_option("#example", "dialogue")
    for fold in ("#cast-card > summary", ".more > summary", ".keys > summary", "#download > summary"):
        page.click(fold)
    require_accessible(player)
    page.click("h1")  # closes the download sheet
    player.page.click("#play")
    player.wait(lambda: player.ask("level") > 0.01, "sound")
    page.click("#play")
    require_accessible(player)
    page.click("#stop")
    player.write("")
    page.click("#play")
    require_accessible(player)


def test_by_keyboard_alone(player: Player) -> None:
    page, keyboard = player.page, player.page.keyboard
    focused = "document.activeElement.id || document.activeElement.className"

    def tab_to(wanted: str) -> None:
        for _ in range(80):
            if page.evaluate(focused) == wanted:
                return
            keyboard.press("Tab")
        pytest.fail(f"no way to {wanted}")

    tab_to("text")
    keyboard.press("Control+a")
    keyboard.type(TEXT)
    keyboard.press("Control+Enter")
    player.wait(lambda: player.ask("level") > 0.01, "sound")
    assert page.evaluate(focused) == "reader"
    keyboard.press("Space")
    player.wait_for("paused")
    player.wait(lambda: bool(player.ask("isComplete")), "all of it")
    before = player.ask("position")
    keyboard.press("ArrowRight")
    assert before < player.ask("position") < before + 1  # a word on
    tab_to("wave")
    keyboard.press("PageUp")
    assert player.ask("position") > before + 1
    keyboard.press("Shift+Tab")
    keyboard.press("Shift+Tab")
    assert page.evaluate(focused) == "play"
    keyboard.press("Enter")
    player.wait(lambda: player.ask("state") in ("playing", "ended"), "on again")
    keyboard.press("Escape")
    player.wait_for("idle")
    assert page.evaluate(focused) == "text"


def test_voices_are_chosen_by_arrows(player: Player) -> None:
    player.page.focus(".voice[data-voice=af_heart] input")
    player.page.keyboard.press("ArrowDown")
    assert player.page.is_checked(".voice[data-voice=af_jessica] input")


def test_what_happens_is_told_to_screen_readers(player: Player) -> None:
    status = player.page.locator("[role=status]")
    player.speak("One two three four.")
    assert status.inner_text() == "Playing"
    player.page.click("#play")
    assert status.inner_text() == "Paused"
    assert player.page.get_by_role("slider", name="Position").get_attribute("aria-valuetext") is not None
    assert player.page.get_by_role("button", name="Play", exact=True).count() == 1


@pytest.mark.parametrize("width", [320, 360, 768])
def test_narrow_screens_need_no_scrolling_sideways(
    open_player: Callable[..., Player], service: Service, width: int
) -> None:
    player = open_player(service.url, viewport=ViewportSize(width=width, height=740), has_touch=True)
    page = player.page

    def require_fit() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    require_fit()
    page.get_by_role("button", name="Mix Bella in").click()
    page.select_option("#example", "dialogue")
    for fold in ("#cast-card > summary", ".more > summary", "#download > summary"):
        page.click(fold)
    require_fit()
    sheet = page.locator(".sheet").bounding_box()
    assert sheet is not None
    assert sheet["x"] >= 0
    page.click("h1")
    page.fill("#text", "[voice:nobody] " + "Averylongwordthatnobodywouldeverwrite" * 10)
    page.click("#play")
    page.wait_for_selector("#notice p")
    require_fit()
    player.speak(TEXT)
    require_fit()
    assert page.locator("#play").bounding_box() is not None


def test_those_who_want_no_motion_get_none(open_player: Callable[..., Player], service: Service) -> None:
    player = open_player(service.url, reduced_motion="reduce")
    player.speak(TEXT)
    player.wait(lambda: player.marked() is not None, "a word")
    assert player.page.evaluate("getComputedStyle(document.querySelector('.mark')).transitionDuration") == "0s"
