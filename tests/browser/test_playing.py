"""What is heard and what is lit, while it is being made and after."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import Player
from tests.conftest import Service, running_service, running_valkey

SHORT = "One two three four. Five six seven eight."
LONG = "\n\n".join(f"Paragraph number {number} says that the tide was going out, as it does." for number in range(40))


def test_speech_is_heard_within_ten_seconds_of_opening_the_page(
    open_player: Callable[..., Player], service: Service
) -> None:
    opened = time.monotonic()
    player = open_player(service.url)
    player.page.click("#play")
    player.wait(lambda: player.ask("level") > 0.01, "sound", timeout_s=10)
    assert time.monotonic() - opened < 10
    assert 0 < player.ask("firstSoundMs") < 3000


def test_every_sample_is_played_once_and_without_a_gap(player: Player, service: Service) -> None:
    player.speak(SHORT)
    player.wait_for("ended")
    heard = player.page.evaluate("window.heard")
    played = np.concatenate([np.array(piece["samples"]) for piece in heard])
    spoken = np.frombuffer(service.speak(SHORT, voice="af_heart").content, "<i2")
    assert np.array_equal(np.rint(played), spoken)
    ends = [piece["when"] + len(piece["samples"]) / 24_000 for piece in heard]
    assert [after["when"] for after in heard[1:]] == pytest.approx(ends[:-1], abs=1e-6)


def test_it_plays_while_it_is_still_being_made(open_player: Callable[..., Player], slow_service: Service) -> None:
    player = open_player(slow_service.url)
    player.speak(LONG)
    assert not player.ask("isComplete")
    assert "about" in player.page.inner_text("#total")
    assert "% spoken" in player.page.inner_text("#progress")
    before = player.ask("arrived")
    player.wait(lambda: player.ask("arrived") > before, "more")
    assert player.ask("state") == "playing"


def test_where_the_server_is_slower_than_speech_it_waits_and_goes_on(
    open_player: Callable[..., Player], tmp_path: Path
) -> None:
    with running_valkey() as valkey, running_service(valkey.url, tmp_path, {"FAKE_SPEED_FACTOR": "0.6"}) as service:
        player = open_player(service.url)
        player.speak(LONG)
        player.wait(lambda: player.ask("state") == "buffering", "out of sound", timeout_s=30)
        assert "Waiting for more" in player.page.inner_text("#progress")
        place = player.ask("position")
        player.wait(lambda: player.ask("position") > place and player.ask("level") > 0.01, "on", timeout_s=60)


def test_the_word_that_is_heard_is_lit(player: Player) -> None:
    player.speak(SHORT)
    seen: list[str] = []

    def collect() -> bool:
        word = player.marked()
        if word is not None and word not in seen[-1:]:
            seen.append(word)
        return bool(player.ask("state") == "ended")

    player.wait(collect, "the end")
    assert len(seen) >= 5
    spoken = [word.strip(".") for word in SHORT.split()]
    assert seen == [word for word in spoken if word in seen]
    assert seen[-1] == "eight"


def test_a_word_after_an_emoji_is_lit_at_its_place(player: Player) -> None:
    player.speak("Well 🎉🎉 done, my good old friend.")
    player.wait(lambda: player.marked() == "friend", "the last word")


def click_on_word(player: Player, word: str) -> None:
    place = player.page.evaluate(
        """(word) => {
          const line = [...document.querySelectorAll(".lines p")].find((line) => line.textContent.includes(word));
          const range = document.createRange();
          const start = line.textContent.indexOf(word);
          range.setStart(line.firstChild, start);
          range.setEnd(line.firstChild, start + word.length);
          const rect = range.getBoundingClientRect();
          return [rect.x + rect.width / 2, rect.y + rect.height / 2];
        }""",
        word,
    )
    player.page.mouse.click(*place)


def word_at(player: Player, text: str, word: str) -> dict[str, Any]:
    start = text.index(word)
    return next(one for one in player.ask("words") if one["from"] == start)


def test_a_click_on_a_word_goes_there(player: Player) -> None:
    player.speak(SHORT)
    player.wait(lambda: bool(player.ask("isComplete")), "all of it")
    player.page.click("#play")  # paused, so that the place holds still
    for word in ("seven", "two"):
        click_on_word(player, word)
        player.wait(lambda: player.marked() == word, word)  # noqa: B023 - asked at once
        assert player.ask("position") == pytest.approx(word_at(player, SHORT, word)["start"], abs=0.3)


def test_the_waveform_seeks_by_mouse_and_by_keys(player: Player) -> None:
    player.speak(LONG)
    player.page.click("#play")
    player.wait_for("paused")
    box = player.page.locator("#wave").bounding_box()
    assert box is not None
    player.wait(lambda: bool(player.ask("isComplete")), "all of it")
    player.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    middle = player.ask("position")
    assert middle == pytest.approx(player.ask("arrived") / 2, rel=0.02)
    player.page.keyboard.press("ArrowRight")
    assert player.ask("position") == pytest.approx(middle + 5, abs=0.1)
    player.page.keyboard.press("Home")
    assert player.ask("position") == 0
    player.page.keyboard.press("End")
    assert player.ask("position") == pytest.approx(player.ask("arrived"), abs=0.1)
    assert player.page.locator("#wave").get_attribute("aria-valuetext") not in (None, "Nothing to play yet")


def test_seeking_stays_within_what_has_arrived(open_player: Callable[..., Player], slow_service: Service) -> None:
    player = open_player(slow_service.url)
    player.speak(LONG)
    box = player.page.locator("#wave").bounding_box()
    assert box is not None
    player.page.mouse.click(box["x"] + box["width"] - 4, box["y"] + 10)
    assert player.ask("position") <= player.ask("arrived")
    player.wait(lambda: player.ask("state") == "playing" and player.ask("level") > 0.01, "sound again")


def test_a_pause_holds_the_place_and_goes_on_from_it(player: Player) -> None:
    player.speak(SHORT)
    player.page.click("#play")
    player.wait_for("paused")
    player.page.wait_for_timeout(100)  # the sound card's clock stops a moment later
    place = player.ask("position")
    player.page.wait_for_timeout(300)
    assert player.ask("position") == place
    assert player.page.get_attribute("#play", "aria-label") == "Play"
    player.page.click("#play")
    player.wait(lambda: player.ask("position") > place, "more")
    assert player.ask("state") == "playing"


def test_at_the_end_it_plays_again_without_asking_again(player: Player) -> None:
    player.speak("One two.")
    player.wait_for("ended")
    asked = len(player.speech())
    player.page.click("#play")
    player.wait_for("playing")
    assert len(player.speech()) == asked


def test_another_text_is_spoken_anew(player: Player) -> None:
    player.speak("One two.")
    player.wait_for("ended")
    player.page.click("#edit")
    player.speak("Three four five six.")
    player.wait(lambda: player.marked() == "Four".lower(), "the new text")


def test_stop_ends_the_servers_work_too(open_player: Callable[..., Player], slow_service: Service) -> None:
    player = open_player(slow_service.url)
    player.speak(LONG)
    with player.page.expect_event("requestfailed") as failed:
        player.page.click("#stop")
    assert "captioned_speech" in failed.value.url
    assert player.ask("state") == "idle"
    assert player.page.is_visible("#text")


def test_the_waveform_is_drawn(player: Player) -> None:
    def colours() -> int:
        return int(
            player.page.evaluate("""() => {
              const canvas = document.querySelector("#wave canvas");
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              const seen = new Map();
              for (let i = 0; i < data.length; i += 4) {
                const key = data.slice(i, i + 4).join();
                if (data[i + 3] === 255) seen.set(key, (seen.get(key) ?? 0) + 1);
              }
              return [...seen.values()].filter((count) => count > 100).length;
            }""")
        )

    assert colours() == 1  # nothing has arrived
    player.speak(SHORT)
    player.wait(lambda: player.ask("position") > 1, "a second")
    assert colours() == 2  # heard, and to be heard


def test_words_come_in_order(player: Player) -> None:
    player.speak(LONG)
    player.wait(lambda: bool(player.ask("isComplete")), "all of it")
    words = player.ask("words")
    assert all(before["end"] <= after["start"] + 1e-3 for before, after in pairwise(words))
