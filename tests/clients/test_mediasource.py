"""A browser's MediaSource, fed with an answer while it comes: Debian's Chromium, through Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import browser as browser  # noqa: PLC0414 - the fixture
from tests.clients.conftest import documented
from tests.clients.recorder import Recorder, recording
from tests.conftest import Service
from tests.system.test_faults import SENTENCES

TYPES = {"mp3": "audio/mpeg", "webm": 'audio/webm; codecs="opus"', "aac": "audio/aac"}
TEXT = SENTENCES[:600]
SAMPLES_PER_S = 24000

PLAY = """
async ([url, type, body]) => {
  const source = new MediaSource();
  const audio = new Audio(URL.createObjectURL(source));
  audio.muted = true;  // pages that nobody has clicked on may not make a sound
  await new Promise((opened) => source.addEventListener("sourceopen", opened, { once: true }));
  const buffer = source.addSourceBuffer(type);
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  let pieces = 0;
  for (const reader = answer.body.getReader(); ; pieces += 1) {
    const { value, done } = await reader.read();
    if (done) break;
    buffer.appendBuffer(value);
    await new Promise((appended, failed) => {
      buffer.addEventListener("updateend", appended, { once: true });
      buffer.addEventListener("error", failed, { once: true });
    });
    if (pieces === 0) await audio.play();
  }
  source.endOfStream();
  audio.currentTime = Math.max(0, audio.duration - 0.5);
  await new Promise((ended, failed) => {
    audio.addEventListener("ended", ended, { once: true });
    audio.addEventListener("error", () => failed(audio.error.message), { once: true });
  });
  const { buffered, duration, currentTime } = audio;
  return { pieces, duration, currentTime, ranges: buffered.length, end: buffered.end(0), status: answer.status };
}
"""


@pytest.fixture
def recorder(service: Service) -> Iterator[Recorder]:
    with recording(service.url) as running:
        yield running


@pytest.fixture
def page(browser: Browser, recorder: Recorder) -> Iterator[Page]:
    with browser.new_context(user_agent="Chromium") as context:
        page = context.new_page()
        page.goto(f"{recorder.url}/livez")
        yield page


@pytest.mark.parametrize("form", TYPES)
def test_it_plays_while_it_comes(form: str, page: Page, recorder: Recorder, service: Service) -> None:
    assert page.evaluate("(type) => MediaSource.isTypeSupported(type)", TYPES[form])
    body = {"input": TEXT, "response_format": form}
    heard: dict[str, Any] = page.evaluate(PLAY, [f"{recorder.url}/v1/audio/speech", TYPES[form], body])
    spoken_s = len(service.speak(TEXT).content) / 2 / SAMPLES_PER_S
    assert heard["status"] == 200
    assert heard["pieces"] > 1
    assert heard["ranges"] == 1  # no hole
    assert heard["duration"] == pytest.approx(spoken_s, abs=0.15)
    assert heard["currentTime"] == pytest.approx(heard["duration"], abs=0.05)


def test_what_a_page_sends(page: Page, recorder: Recorder) -> None:
    page.evaluate(PLAY, [f"{recorder.url}/v1/audio/speech", TYPES["mp3"], {"input": "From a page."}])
    sent = recorder.asking("From a page.")[0]
    for name in [name for name in sent.headers if name.startswith(("sec-", "accept-", "origin", "referer"))]:
        del sent.headers[name]
    documented(sent)
