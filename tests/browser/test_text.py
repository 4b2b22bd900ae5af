"""Text typed, pasted, dropped and opened; texts as long as novels."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Player
from tests.conftest import Service, wait_until

NOVEL = "\n\n".join(
    f"Chapter {number}. " + "The tide was going out, further than she had ever seen it go. " * 8
    for number in range(500)
)

DROP = """([name, content]) => {
  const files = new DataTransfer();
  files.items.add(new File([content], name));
  const event = (type) => new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true });
  const paper = document.getElementById("paper");
  paper.dispatchEvent(event("dragenter"));
  paper.dispatchEvent(event("drop"));
}"""

SUBTITLES = "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i>\nthere.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"

MARKDOWN = (
    "# Title\n\nSome **bold** and *soft* [link](https://example.com) with `code`.\n\n"
    "```\nnot read\n```\n\n- one\n- two\n"
)


TIMED_KEYS = """() => {
  window.delays = [];
  document.querySelector("textarea").addEventListener("keydown", () => {
    const pressed = performance.now();
    requestAnimationFrame(() => setTimeout(() => window.delays.push(performance.now() - pressed)));
  });
}"""


def key_ms(page: Page) -> float:
    """The median time from a key to the frame that shows it, in a text area that holds NOVEL."""
    page.bring_to_front()  # a tab behind another draws once a second
    page.fill("textarea", NOVEL)
    page.focus("textarea")
    page.evaluate(TIMED_KEYS)
    for key in "so it goes":
        page.keyboard.press(key)
    wait_until(lambda: len(page.evaluate("window.delays")) == 10, "ten keys")
    delays: list[float] = page.evaluate("window.delays")
    return statistics.median(delays)


def test_a_novel_is_typed_in_without_lag(open_player: Callable[..., Player], service: Service) -> None:
    assert len(NOVEL) > 200_000
    player = open_player(service.url)
    plain = player.page.context.new_page()
    plain.set_content("<textarea style='width: 750px; height: 580px'></textarea>")
    # Beside a plain text area, since the machine may be busy with other things.
    assert key_ms(player.page) < 4 * key_ms(plain) + 100


def test_a_novel_is_heard_and_lit_at_once(open_player: Callable[..., Player], slow_service: Service) -> None:
    player = open_player(slow_service.url)
    player.write(NOVEL)
    pressed = time.monotonic()
    player.page.click("#play")
    player.wait(lambda: player.ask("level") > 0.01, "sound")
    assert time.monotonic() - pressed < 10
    player.wait(lambda: player.marked() in ("tide", "was", "going", "out"), "a word lit")
    assert player.page.locator(".lines p").count() == NOVEL.count("\n") + 1


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.txt", "Hello\r\nthere.", "Hello\nthere."),
        ("a.srt", SUBTITLES, "Hello there.\nBye."),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello there.\n", "Hello there."),
        ("a.md", MARKDOWN, "Title\n\nSome bold and soft link with code.\n\none\ntwo"),
    ],
)
def test_a_file_is_dropped(player: Player, name: str, content: str, text: str) -> None:
    player.page.evaluate(DROP, [name, content])
    player.wait(lambda: player.page.input_value("#text") == text, text)
    assert player.page.locator(".dropping").count() == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_a_file_is_opened_in_any_encoding(player: Player, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Déjà vu, naïve “café”.".encode(encoding))
    player.page.set_input_files("#file", path)
    player.wait(lambda: player.page.input_value("#text") == "Déjà vu, naïve “café”.", "the text")


def test_what_is_no_text_is_refused_in_words(player: Player, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes(range(256)))
    before = player.page.input_value("#text")
    player.page.set_input_files("#file", path)
    player.page.wait_for_selector("#notice p")
    assert "photo.jpg is no text file" in player.page.inner_text("#notice")
    assert player.page.input_value("#text") == before


def test_markup_in_a_text_is_shown_as_text(player: Player) -> None:
    player.speak('<img src=x onerror="alert(1)"> says hello.')
    assert player.page.locator(".lines img").count() == 0
    assert player.page.inner_text(".lines p").startswith("<img src=x")


def test_clearing_is_undone(player: Player) -> None:
    player.write("Keep me.")
    player.page.click("#clear")
    assert player.page.input_value("#text") == ""
    player.page.keyboard.press("Control+z")
    assert player.page.input_value("#text") == "Keep me."


def test_the_text_may_be_changed_while_it_is_read(player: Player) -> None:
    player.speak("One two three four five six seven eight nine ten.")
    player.page.click("#edit")
    assert player.page.is_visible("#text")
    assert player.ask("state") == "playing"
    player.page.click("#edit")
    assert player.page.is_visible("#reader")
