"""The WebSocket on which text comes in pieces, over real processes with the fake engine and a real client library."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

import pytest

from shared.streams import connect as connect_queue
from tests.conftest import Service, running_service, running_valkey, wait_until
from tests.system.test_api import decoded_samples
from tests.system.websocket_client import Client, connected

SAMPLE_RATE = 24_000
TEXT = "The quick brown fox jumps over the lazy dog. It was not amused, and said so. Dr. Fox paid 3.14 dollars for it."
SENTENCES = " ".join(f"Sentence number {number} says something of its own." for number in range(60))

STRICT = {
    "WEBSOCKET_MAX_CONTEXTS": "2",
    "WEBSOCKET_MAX_WAITING_CHARS": "5000",
    "WEBSOCKET_MAX_CONNECTIONS": "2",
    "WEBSOCKET_MAX_MESSAGE_BYTES": "6000",
    "WEBSOCKET_IDLE_TIMEOUT_S": "1.5",
    "FAKE_SPEED_FACTOR": "15",
}


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with connected(service.url) as client:
        yield client


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with small limits and a worker that takes a while."""
    folder = tmp_path_factory.mktemp("strict")
    with running_valkey() as server, running_service(server.url, folder, STRICT) as running:
        yield running


def drip(client: Client, text: str, context_id: str | None = None, size: int = 4) -> None:
    for start in range(0, len(text), size):
        client.say("text", context_id, text=text[start : start + size])


# -- text in, audio and words out --------------------------------------------------------------------------------------


def test_text_in_pieces_is_one_audio_with_all_its_words(client: Client) -> None:
    client.say("start")
    drip(client, TEXT)
    client.say("end")
    client.until("done")
    heard = client.heard["default"]
    assert heard.usage is not None
    assert heard.usage["audio_seconds"] == pytest.approx(len(heard.audio) / 2 / SAMPLE_RATE, abs=0.001)
    assert heard.usage["input_characters"] == len(TEXT)
    assert heard.usage["total_tokens"] == heard.usage["input_tokens"] + heard.usage["output_tokens"] > 100
    assert [word["word"] for word in heard.words] == re.findall(r"Dr\.|[\w.]*\w", TEXT)
    for word in heard.words:
        assert TEXT[word["char_start"] : word["char_end"]] == word["word"]
    times = [time for word in heard.words for time in (word["start_time"], word["end_time"])]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < heard.usage["audio_seconds"]


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "m4a"])
def test_any_format_is_one_stream(client: Client, form: str) -> None:
    client.say("start", response_format=form)
    client.say("text", text="One sentence. Another sentence. ")
    client.say("flush")
    client.until("flushed")
    client.say("text", text="And a third.")
    client.say("end")
    seconds = client.until("done")["usage"]["audio_seconds"]
    samples = decoded_samples(client.heard["default"].audio, form)
    assert samples / SAMPLE_RATE == pytest.approx(seconds, abs=0.1)


def test_audio_begins_with_the_first_sentence(client: Client) -> None:
    client.say("start")
    drip(client, "It is here. And")
    client.until("audio")
    assert client.heard["default"].words[-1]["word"] == "here"


def test_audio_begins_with_the_first_clause_of_a_long_sentence(client: Client) -> None:
    client.say("start")
    drip(client, "As far as anybody can tell from here, it")
    client.until("audio")
    assert client.heard["default"].words[-1]["word"] in {"tell", "here"}  # a slow worker's first chunk is cut again


def test_when_no_text_comes_what_is_there_is_spoken_but_no_half_word(client: Client) -> None:
    client.say("start")
    client.say("text", text="Hello my dear wor")
    client.until("audio")
    assert [word["word"] for word in client.heard["default"].words] == ["Hello", "my", "dear"]
    client.say("text", text="ld")
    client.say("end")
    client.until("done")
    assert [word["word"] for word in client.heard["default"].words] == ["Hello", "my", "dear", "world"]


def test_flush_speaks_what_is_there_and_says_when_that_was_sent(client: Client) -> None:
    client.say("start")
    client.say("text", text="Hi")
    client.say("flush", flush_id="first")
    client.say("text", text="gh")
    client.say("flush")
    assert client.until("flushed")["flush_id"] == "first"
    assert [word["word"] for word in client.heard["default"].words] == ["Hi"]
    assert client.until("flushed")["flush_id"] is None
    assert client.heard["default"].kinds == ["started", "words", "audio", "flushed", "words", "audio", "flushed"]


def test_a_context_without_anything_to_say_is_done(client: Client) -> None:
    client.say("start")
    client.say("text", text=" \n ... ")
    client.say("end")
    assert client.until("done")["usage"]["audio_seconds"] == 0


def test_tags_may_come_in_pieces_and_hold(client: Client) -> None:
    text = "One. [pause:2s] Two. [voice:am_adam]Three. Four. "
    client.say("start", allow_voice_tags=True)
    drip(client, text, size=3)
    client.say("end")
    client.until("done")
    words = {word["word"]: word for word in client.heard["default"].words}
    assert list(words) == ["One", "Two", "Three", "Four"]
    assert words["Two"]["start_time"] - words["One"]["end_time"] > 2
    assert all(text[word["char_start"] : word["char_end"]] == name for name, word in words.items())


def test_binary_frames_have_a_small_header(client: Client) -> None:
    client.say("start", "überall", binary=True)
    client.say("text", "überall", text="Hello.")
    client.say("end", "überall")
    client.until("done")
    assert client.heard["überall"].kinds == ["started", "words", "audio", "done"]
    assert len(client.heard["überall"].audio) > 1000


def test_contexts_are_each_their_own(client: Client) -> None:
    client.say("start", "a", voice="af_bella")
    client.say("start", "b", voice="am_adam", response_format="wav", speed=2)
    client.say("start", "c", binary=True)
    for name in "abc":
        client.say("text", name, text=TEXT)
        client.say("end", name)
    for _ in "abc":
        client.until("done")
    seconds = {name: (client.heard[name].usage or {})["audio_seconds"] for name in "abc"}
    assert [word["word"] for word in client.heard["a"].words] == [word["word"] for word in client.heard["b"].words]
    assert decoded_samples(client.heard["b"].audio, "wav") / SAMPLE_RATE == pytest.approx(seconds["b"], abs=0.01)
    assert seconds["b"] < 0.7 * seconds["a"]
    assert client.heard["a"].audio[:20_000] != client.heard["c"].audio[:20_000]


def test_no_more_is_made_than_is_heard_soon(service: Service) -> None:
    with connected(service.url) as client:
        client.say("start", max_ahead_s=5)
        client.say("text", text=SENTENCES)
        client.say("end")
        with pytest.raises(TimeoutError):
            client.until("done", timeout_s=6)
        assert 5 < len(client.heard["default"].audio) / 2 / SAMPLE_RATE < 40


def test_contexts_take_turns(strict: Service) -> None:
    with connected(strict.url) as client:
        for name in "ab":
            client.say("start", name)
        for name in "ab":
            client.say("text", name, text=SENTENCES)
        while min(client.order.count(name) for name in "ab") < 4:
            client.until("audio")
        longest = max(len(list(run)) for _, run in itertools.groupby(client.order))
        assert longest <= 8  # seconds: no more than what one chunk gave while the other had none


# -- interruption ------------------------------------------------------------------------------------------------------


def test_cancel_stops_the_worker_within_a_batch(strict: Service) -> None:
    with connected(strict.url) as client:
        client.say("start")
        client.say("text", text=SENTENCES)
        client.until("audio")
        client.say("cancel")
        client.until("cancelled")
        before = strict.counters()["jobs_done"]
        client.say("start")  # the id is free
        client.say("text", text="Hi.")
        client.say("end")
        client.until("done")
        assert client.heard["default"].kinds.count("cancelled") == 1
        wait_until(lambda: strict.counters()["jobs_done"] > before, "the next context was served")
        # The batch that ran, and what the heartbeat had not told of yet; of about forty chunks.
        assert strict.counters()["jobs_done"] <= before + 5


def test_after_cancel_not_a_byte_more(strict: Service) -> None:
    with connected(strict.url) as client:
        client.say("start", "a")
        client.say("start", "b")
        client.say("text", "a", text=SENTENCES)
        client.say("text", "b", text=TEXT)
        client.until("audio", "a")
        client.say("cancel", "a")
        client.say("end", "b")
        client.until("cancelled", "a")
        heard = len(client.heard["a"].audio)
        client.until("done", "b")
        assert len(client.heard["a"].audio) == heard


def test_a_client_that_vanishes_stops_its_work(strict: Service) -> None:
    with connected(strict.url) as client:
        client.say("start")
        client.say("text", text=SENTENCES)
        client.until("audio")
        client.connection.socket.close()
        before = strict.counters()["jobs_done"]
    with connected(strict.url) as client:
        client.say("start")
        client.say("text", text="Hi.")
        client.say("end")
        client.until("done")
    wait_until(lambda: strict.counters()["jobs_done"] > before, "the next client was served")
    assert strict.counters()["jobs_done"] <= before + 5


def test_a_client_that_does_not_read_slows_itself_alone(service: Service) -> None:
    with connected(service.url, max_queue=1) as silent:
        silent.say("start", max_ahead_s=36_000)
        for _ in range(25):
            silent.say("text", text=SENTENCES + " ")  # over an hour of audio
        made = -1.0

        def has_stopped() -> bool:
            nonlocal made
            before, made = made, service.counters()["audio_s"]
            return made == before > 0

        with connected(service.url) as other:
            for _ in range(3):
                other.say("start")
                other.say("text", text="Am I slowed down?")
                other.say("end")
                other.until("done")
        wait_until(has_stopped, "nothing more is made", 30)
        silent.say("cancel")
        silent.until("cancelled")
        assert len(silent.heard["default"].audio) / 2 / SAMPLE_RATE < 600


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        "null",
        '"start"',
        "{}",
        '{"type": "speak"}',
        '{"type": ["start"]}',
        '{"type": "start", "context_id": 7}',
        '{"type": "start", "context_id": ""}',
        '{"type": "start", "context_id": "%s"}' % ("x" * 64),
        b"\x00\xff\x01",
        b'{"type": "ping"}',
    ],
)
def test_what_cannot_be_understood_ends_the_connection(client: Client, message: str | bytes) -> None:
    client.connection.send(message)
    assert client.close_code() == 4400
    assert (client.heard[""].error or {})["code"] == "bad_message"


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({"type": "start", "voice": "af_bela"}, "voice_not_found", "voice"),
        ({"type": "start", "speed": 9}, "invalid_value", "speed"),
        ({"type": "start", "response_format": "midi"}, "invalid_value", "response_format"),
        ({"type": "start", "lang_code": "xx"}, "unknown_language", None),
        ({"type": "text"}, "missing_required_parameter", "text"),
        ({"type": "text", "text": "Hi."}, "context_not_found", "context_id"),
        ({"type": "flush"}, "context_not_found", "context_id"),
        ({"type": "end"}, "context_not_found", "context_id"),
        ({"type": "cancel"}, "context_not_found", "context_id"),
    ],
)
def test_a_fault_of_one_context_leaves_the_others(
    client: Client, message: dict[str, object], code: str, param: str | None
) -> None:
    client.say("start", "other")
    client.connection.send(json.dumps(message))
    error = client.until("error", "default")["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert error["param"] == param or param is None
    client.say("text", "other", text="Still here.")
    client.say("end", "other")
    client.until("done", "other")


def test_a_context_cannot_begin_twice_and_takes_nothing_after_its_end(client: Client) -> None:
    client.say("start")
    client.say("start")
    assert client.until("error")["error"]["code"] == "context_exists"
    client.say("text", text=TEXT)
    client.say("end")
    client.say("text", text="More.")
    assert client.until("error")["error"]["code"] == "context_not_found"
    client.until("done")
    client.say("start")
    client.until("started")


def test_text_that_cannot_be_spoken_ends_its_context(client: Client) -> None:
    client.say("start", "other")
    client.say("start")
    client.say("text", text="Fine. Not [pause:soon] fine. And more.")
    error = client.until("error", "default")["error"]
    assert error["code"] == "invalid_markup"
    client.say("text", text="It was said why: this is dropped.")
    client.say("ping")
    client.until("pong")
    assert client.heard["default"].kinds[-1] == "error"
    client.say("start")
    client.say("text", text="It begins anew.")
    client.say("end")
    client.until("done", "default")


def test_the_limits_have_their_own_close_codes(strict: Service) -> None:
    with connected(strict.url) as client:
        assert client.ready["limits"]["max_contexts"] == 2
        for name in "abc":
            client.say("start", name)
        assert client.close_code() == 4429
    with connected(strict.url) as client:
        client.say("start")
        client.say("text", text=SENTENCES)
        client.say("text", text=SENTENCES)
        assert client.close_code() == 4413
    with connected(strict.url) as client:
        client.say("start")
        client.say("text", text="x" * 7000)
        assert client.close_code() == 1009


def test_a_silent_connection_is_closed_and_one_over_the_limit_at_once(strict: Service) -> None:
    with connected(strict.url) as first, connected(strict.url) as second, connected(strict.url) as third:
        assert third.ready["type"] == "error"
        assert third.close_code() == 4503
        first.say("start", max_ahead_s=600)
        first.say("text", text=SENTENCES[:1500])
        first.say("end")
        assert second.close_code() == 4408
        first.until("done", timeout_s=30)  # one that is spoken to is not idle


async def test_sigterm_lets_what_is_said_come_to_its_end_and_leaves_nothing(strict: Service) -> None:
    """The last of those that use this service."""
    with connected(strict.url) as speaking, connected(strict.url) as idle:
        speaking.say("start")
        speaking.say("text", text=SENTENCES[:1000])
        speaking.until("audio")
        strict.gateway.process.terminate()
        assert idle.until("draining")["within_s"] == 30
        assert idle.close_code() == 4504
        speaking.until("draining")
        speaking.say("start", "new")
        assert speaking.until("error", "new")["error"]["code"] == "draining"
        speaking.say("text", text=" The end.")
        speaking.say("end")
        speaking.until("done")
        assert speaking.heard["default"].words[-1]["word"] == "end"
        assert speaking.close_code() == 4504
    assert strict.gateway.process.wait(20) == 0
    assert strict.workers[0].terminate() == 0
    queue = connect_queue(strict._environment["REDIS_URL"])
    keys = sorted([key.decode() async for key in queue.scan_iter()])
    forever = [key for key in keys if await queue.pttl(key) == -1]
    assert forever == ["tts:jobs:batch", "tts:jobs:standard", "tts:jobs:urgent"]
    await queue.aclose()
