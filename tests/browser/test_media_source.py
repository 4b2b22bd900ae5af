"""webm, packet by packet into a real browser's MediaSource."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import Browser

from gateway.audio.choice import choose_format
from gateway.audio.encoder import StreamingEncoder
from tests.audio.listening import SAMPLE_RATE, record, split

SECONDS = 3

APPEND = """
async ([type, packets]) => {
  const source = new MediaSource();
  const player = document.createElement('audio');
  player.src = URL.createObjectURL(source);
  await new Promise((done) => source.addEventListener('sourceopen', done, { once: true }));
  const buffer = source.addSourceBuffer(type);
  const ends = [];
  for (const packet of packets) {
    buffer.appendBuffer(Uint8Array.from(atob(packet), (char) => char.charCodeAt(0)));
    await new Promise((done, fail) => {
      buffer.addEventListener('updateend', done, { once: true });
      buffer.addEventListener('error', () => fail('the packet was refused'), { once: true });
    });
    ends.push(buffer.buffered.end(0));
  }
  source.endOfStream();
  return { ends, ranges: buffer.buffered.length, duration: player.duration };
}
"""


@pytest.mark.parametrize("sample_rate", [24_000, 8_000, 48_000])
def test_a_stream_plays_as_it_comes(browser: Browser, sample_rate: int) -> None:
    form = choose_format("webm", sample_rate)
    with StreamingEncoder(form, SAMPLE_RATE) as encoder:
        packets = [encoder.write(pcm) for pcm in split(record(SECONDS * SAMPLE_RATE).pcm, SAMPLE_RATE // 2)]
        packets.append(encoder.close())
    page = browser.new_page()
    page.goto("about:blank")
    told = page.evaluate(APPEND, [form.media_type, [base64.b64encode(packet).decode() for packet in packets]])
    page.close()
    assert told["ranges"] == 1
    for number, end_s in enumerate(told["ends"][:-1], start=1):
        assert 0.5 * number - 0.07 < end_s <= 0.5 * number
    assert SECONDS <= told["duration"] < SECONDS + 0.03  # in whole packets
