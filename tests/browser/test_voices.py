"""Choosing, hearing and mixing voices; a cast for dialogues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Request

from tests.browser.conftest import Player

TEXT = "One two three."


def asked(player: Player) -> dict[str, Any]:
    """The body of the request that pressing play sends."""
    with player.page.expect_request("**/captioned_speech") as request:
        player.page.click("#play")
    return body_of(request.value)


def body_of(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.post_data or "")
    return body


def test_voices_are_listed_by_language(player: Player) -> None:
    page = player.page
    assert page.locator(".voice").count() == 20
    page.select_option("#language", "French")
    assert page.locator(".voice .name").all_inner_texts() == ["Siwis"]
    page.check(".voice[data-voice=ff_siwis] input")
    player.write("Bonjour.")
    assert asked(player)["voice"] == "ff_siwis"


def test_a_sample_is_heard_before_choosing(player: Player) -> None:
    page = player.page
    button = page.get_by_role("button", name="Hear Nicole")
    with page.expect_request("**/v1/audio/speech") as request:
        button.click()
    assert body_of(request.value)["voice"] == "af_nicole"
    assert button.get_attribute("aria-pressed") == "true"
    player.wait(lambda: bool(page.evaluate("window.heard.length")), "the sample")
    assert max(page.evaluate("window.heard[0].samples")) > 1000
    player.wait(lambda: button.get_attribute("aria-pressed") == "false", "its end")
    assert page.is_checked(".voice[data-voice=af_heart] input")  # hearing is not choosing


def test_a_sample_pauses_what_is_playing(player: Player) -> None:
    player.speak(TEXT * 10)
    player.page.get_by_role("button", name="Hear Bella").click()
    player.wait_for("paused")


def test_voices_are_mixed_by_weight(player: Player) -> None:
    page = player.page
    page.check(".voice[data-voice=af_bella] input")
    page.get_by_role("button", name="Mix Sky in").click()
    weight = page.get_by_label("Weight of Bella")
    weight.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # the focus stays where it was
    assert page.input_value(".written") == "af_bella(2)+af_sky(1)"
    assert page.locator(".mixer output").all_inner_texts() == ["67 %", "33 %"]
    player.write(TEXT)
    assert asked(player)["voice"] == "af_bella(2)+af_sky(1)"
    player.wait_for("playing")
    page.get_by_role("button", name="Take Sky out of the mix").click()
    assert page.is_checked(".voice[data-voice=af_bella] input")


def test_a_mix_may_be_written(player: Player) -> None:
    page = player.page
    page.get_by_role("button", name="Mix Sky in").click()
    page.fill(".written", "am_adam(3)+am_echo(0.5)")
    page.press(".written", "Enter")
    assert page.locator(".mixer .name").all_inner_texts() == ["Adam", "Echo"]
    page.fill(".written", "nobody(1)+am_adam(1)")
    page.press(".written", "Enter")
    assert page.locator(".written:invalid").count() == 1
    player.write(TEXT)
    assert asked(player)["voice"] == "am_adam(3)+am_echo(0.5)"


def test_a_voice_is_taken_away_from_the_others(player: Player) -> None:
    page = player.page
    page.check(".voice[data-voice=af_bella] input")
    page.get_by_role("button", name="Mix Sky in").click()
    assert page.get_by_role("button", name="Take Bella away from the others").is_disabled()
    take = page.get_by_role("button", name="Take Sky away from the others")
    take.click()
    assert (take.get_attribute("aria-pressed"), take.inner_text()) == ("true", "−")
    assert page.is_visible(".mixer p")  # nothing is left but the difference of two voices
    page.get_by_label("Weight of Bella").fill("4")
    assert page.is_hidden(".mixer p")
    assert page.input_value(".written") == "af_bella(4)-af_sky(1)"
    assert page.locator(".mixer output").all_inner_texts() == ["80 %", "−20 %"]
    player.write(TEXT)
    assert asked(player)["voice"] == "af_bella(4)-af_sky(1)"
    page.get_by_role("button", name="Take Bella out of the mix").click()
    assert page.is_checked(".voice[data-voice=af_sky] input")


@pytest.mark.parametrize(
    ("written", "names"),
    [("am_adam(3) - am_echo(0.5)+am_puck", ["Adam", "Echo", "Puck"]), ("am_adam-am_echo", ["Adam", "Echo"])],
)
def test_a_subtraction_may_be_written(player: Player, written: str, names: list[str]) -> None:
    page = player.page
    page.get_by_role("button", name="Mix Sky in").click()
    page.fill(".written", written)
    page.press(".written", "Enter")
    assert page.locator(".mixer .name").all_inner_texts() == names
    for wrong in ("-am_adam+am_echo", "am_adam--am_echo", "am_adam(-1)+am_echo", "am_adam-", ""):
        page.fill(".written", wrong)
        page.press(".written", "Enter")
        assert page.locator(".written:invalid").count() == 1
    player.write(TEXT)
    assert asked(player)["voice"].startswith("am_adam(")


def test_a_cast_speaks_a_dialogue(player: Player) -> None:
    page = player.page
    page.select_option("#example", "dialogue")
    assert "with speakers" in page.inner_text("#facts")
    body = asked(player)
    assert body["allow_voice_tags"] is True
    assert body["voice_aliases"]["narrator"] == "bm_george"
    assert body["voice_aliases"]["mia"] == {"voice": "af_bella", "rate": 1.05}
    player.wait(lambda: bool(player.ask("isComplete")), "all of it")
    text = player.page.input_value("#text")
    spoken = [text[word["from"] : word["to"]] for word in player.ask("words")]
    assert "narrator" not in spoken
    assert spoken[:2] == ["The", "shop"]


def test_a_speaker_is_added_and_its_tag_goes_into_the_text(player: Player) -> None:
    page = player.page
    page.click("#cast-card > summary")
    page.click("#cast-add")
    page.get_by_label("Name of speaker 1").fill("Zoe")
    page.get_by_label("Voice of speaker 1").fill("bf_emma")
    page.get_by_label("Rate of speaker 1").fill("0.9")
    player.write("Hello")
    page.get_by_label("Insert the tag of speaker 1").click()
    page.keyboard.type("there.")
    assert page.input_value("#text") == "Hello [voice:Zoe] there."
    assert asked(player)["voice_aliases"] == {"Zoe": {"voice": "bf_emma", "rate": 0.9}}


def test_a_cast_is_exported_and_imported(player: Player, tmp_path: Path) -> None:
    page = player.page
    page.select_option("#example", "dialogue")
    page.click("#cast-card > summary")
    with page.expect_download() as download:
        page.click("#cast-export")
    saved = tmp_path / "cast.json"
    download.value.save_as(saved)
    for _ in range(3):
        page.get_by_label("Remove speaker 1").click()
    assert page.is_disabled("#cast-export")
    page.set_input_files("#cast-file", saved)
    page.wait_for_selector("#cast li:nth-child(3)")
    assert page.get_by_label("Rate of speaker 2").input_value() == "1.05"
    assert json.loads(saved.read_text())["voice_aliases"]["theo"] == "am_michael"


@pytest.mark.parametrize("content", ["no json", "[1, 2]", '{"narrator": 5}'])
def test_what_is_no_cast_is_told(player: Player, tmp_path: Path, content: str) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(content)
    player.page.click("#cast-card > summary")
    player.page.set_input_files("#cast-file", wrong)
    player.page.wait_for_selector("#notice p")
    assert player.page.locator("#cast li").count() == 0


def test_settings_go_into_the_request(player: Player) -> None:
    page = player.page
    page.focus("#speed")
    page.keyboard.press("End")
    page.click(".more > summary")
    page.select_option("#read-as", "b")
    page.uncheck("#normalise")
    page.focus("#loudness")
    page.keyboard.press("ArrowRight")
    player.write(TEXT)
    body = asked(player)
    assert (body["speed"], body["lang_code"], body["volume_multiplier"]) == (4, "b", 1.05)
    assert body["normalization_options"] == {"normalize": False}


def test_everything_is_remembered(player: Player) -> None:
    page = player.page
    page.select_option("#example", "dialogue")
    page.select_option("#language", "British English")
    page.check(".voice[data-voice=bm_fable] input")
    page.get_by_role("button", name="Mix Lewis in").click()
    page.focus("#speed")
    page.keyboard.press("ArrowRight")
    page.click("#download > summary")
    page.select_option("#format", "flac")
    text, speed = page.input_value("#text"), page.inner_text("#speed-value")
    page.reload()
    page.wait_for_selector(".voice")
    assert page.input_value("#text") == text
    assert page.input_value(".written") == "bm_fable(1)+bm_lewis(1)"
    assert page.input_value("#language") == "British English"
    assert page.inner_text("#speed-value") == speed
    assert page.inner_text("#cast-count") == "3"
    page.click("#download > summary")
    assert page.input_value("#format") == "flac"
