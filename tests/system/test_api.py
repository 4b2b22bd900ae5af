"""The HTTP surface, over real processes with the fake engine: what is asked for is what comes."""

from __future__ import annotations

import io
import struct

import av
import httpx
import numpy as np
import openai
import pytest
import requests

from shared.voices import CATALOGUE, OPENAI_VOICES
from tests.conftest import Service

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm", "m4a")
FRAME_SAMPLES = {"mp3": 576, "opus": 480, "aac": 1024, "m4a": 1024, "flac": 0, "wav": 0, "pcm": 0}
"""What a decoded length may be longer by: one codec frame."""

TEXT = "The quick brown fox jumps over the lazy dog. It was not amused, and said so."


def decoded_samples(audio: bytes, form: str) -> int:
    """Samples at 24 kHz."""
    if form == "pcm":
        return len(audio) // 2
    with av.open(io.BytesIO(audio), "r") as container:
        stream = container.streams.audio[0]
        count = sum(frame.samples for frame in container.decode(stream))
        return count * 24_000 // stream.rate


@pytest.fixture(scope="module")
def spoken(service: Service) -> int:
    """Samples that TEXT is spoken in as a stream, which begins with a chunk of its own for early audio."""
    return len(service.speak(TEXT).content) // 2


@pytest.fixture(scope="module")
def spoken_as_file(service: Service) -> int:
    """Samples that TEXT is spoken in as a file, for which nobody waits."""
    return len(service.speak(TEXT, stream=False).content) // 2


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_decodes_to_what_was_spoken(
    service: Service, spoken: int, spoken_as_file: int, form: str, stream: bool
) -> None:
    answer = service.speak(TEXT, response_format=form, stream=stream)
    assert answer.status_code == 200
    assert ("content-length" in answer.headers) is not stream
    assert answer.headers["x-request-id"].startswith("req_")
    # An abrupt tone, unlike speech, keeps the priming frame of formats that cannot declare one (docs/adr/0003).
    abrupt = {"aac": 1024, "mp3": 576 * 2}.get(form, 0)
    expected = spoken if stream else spoken_as_file
    assert 0 <= decoded_samples(answer.content, form) - expected <= FRAME_SAMPLES[form] + abrupt


def test_wav_sizes_are_exact_when_not_streamed(service: Service, spoken_as_file: int) -> None:
    wav = service.speak(TEXT, response_format="wav", stream=False).content
    assert struct.unpack("<I", wav[4:8])[0] == len(wav) - 8
    assert len(wav) == 44 + 2 * spoken_as_file


def test_speed_changes_the_length(service: Service, spoken: int) -> None:
    fast = len(service.speak(TEXT, speed=3).content) // 2
    assert 0.3 < fast / spoken < 0.5


def test_the_volume_is_heard(service: Service) -> None:
    normal, half, none = (
        np.frombuffer(service.speak(TEXT, volume_multiplier=volume).content, "<i2").astype(int)
        for volume in (1, 0.5, 0)
    )
    assert np.abs(normal - 2 * half).max() <= 2
    assert len(none) == len(normal)
    assert not none.any()


def test_the_seed_documents_full_body_is_honoured(service: Service) -> None:
    """Every field of the reference's request example, at the values that it shows."""
    body = {
        "model": "tts-1",
        "input": "Hello world!",
        "voice": "af_bella",
        "response_format": "mp3",
        "speed": 1.0,
        "stream": True,
        "lang_code": "a",
        "volume_multiplier": 1.0,
        "normalization_options": {"normalize": True},
        "return_download_link": False,
        "download_format": "mp3",
    }
    assert httpx.post(f"{service.url}/v1/audio/speech", json=body, timeout=30).status_code == 200


def test_the_voice_is_heard_and_mixes_differ(service: Service) -> None:
    voices = ["af_bella", "af_sky", "af_bella+af_sky", "af_bella(2)+af_sky(1)", {"id": "bf_emma"}]
    audios = [service.speak(TEXT, voice=voice, lang_code="a").content for voice in voices]
    assert len(set(audios)) == len(voices)


def test_an_openai_name_is_its_counterpart(service: Service) -> None:
    for name, counterpart in OPENAI_VOICES.items():
        assert service.speak("Hi.", voice=name).content == service.speak("Hi.", voice=counterpart).content, name


def test_the_same_request_gives_the_same_audio(service: Service) -> None:
    assert service.speak(TEXT, seed=7).content == service.speak(TEXT, seed=7).content


def test_unknown_fields_are_ignored_and_defaults_are_mp3(service: Service) -> None:
    answer = httpx.post(f"{service.url}/v1/audio/speech", json={"input": "Hi.", "user": "me", "instructions": "sing"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"] == 'attachment; filename="speech.mp3"'


# -- the seed document's client examples, unchanged but for the port ---------------------------------------------------


def test_openai_create_and_stream_to_file(service: Service, tmp_path: object) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="not-needed") as client:
        response = client.audio.speech.create(model="kokoro", voice="af_bella", input="Hello world!")
        path = f"{tmp_path}/output.mp3"
        with pytest.warns(DeprecationWarning, match="stream"):
            response.stream_to_file(path)
        with av.open(path, "r") as container:
            assert container.streams.audio[0].codec.name.startswith("mp3")


def test_openai_with_streaming_response_and_a_mix(service: Service, tmp_path: object) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="not-needed") as client:
        path = f"{tmp_path}/output.opus"
        with client.audio.speech.with_streaming_response.create(
            model="kokoro",
            voice="af_bella(2)+af_sky(1)",
            input="This is a longer text that will be streamed.",
            response_format="opus",
        ) as response:
            response.stream_to_file(path)
        with av.open(path, "r") as container:
            assert container.streams.audio[0].codec.name in {"opus", "libopus"}


def test_requests_iter_content(service: Service) -> None:
    response = requests.post(
        f"{service.url}/v1/audio/speech",
        json={"input": "Streaming text", "voice": "af_bella", "stream": True},
        stream=True,
        timeout=30,
    )
    assert sum(len(chunk) for chunk in response.iter_content(chunk_size=1024)) > 1000


# -- lists and probes --------------------------------------------------------------------------------------------------


def test_models(service: Service) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="not-needed") as client:
        names = [model.id for model in client.models.list()]
        assert names == ["kokoro", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"]
        assert all(client.models.retrieve(name).id == name for name in names)
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("whisper-1")


def test_voices(service: Service) -> None:
    listed = httpx.get(f"{service.url}/v1/audio/voices").json()["voices"]
    assert [voice["id"] for voice in listed] == sorted(CATALOGUE)
    shown = {"id": "af_alloy", "name": "af_alloy", "language": "American English", "gender": "female"}
    assert shown.items() <= listed[0].items()
    legacy = httpx.get(f"{service.url}/v1/audio/voices", params={"legacy": "true"}).json()
    assert legacy == {"voices": sorted(CATALOGUE)}


def test_probes(service: Service) -> None:
    assert httpx.get(f"{service.url}/livez").json() == {"status": "ok"}
    assert httpx.get(f"{service.url}/readyz").json() == {"status": "ready"}
    health = httpx.get(f"{service.url}/health").json()
    assert health["status"] == "healthy"
    assert health["workers"][0]["engine"] == "fake"


def test_the_documentation_describes_the_body(service: Service) -> None:
    paths = httpx.get(f"{service.url}/openapi.json").json()["paths"]
    schema = paths["/v1/audio/speech"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"input", "voice", "response_format", "speed", "stream"} <= set(schema["properties"])


def test_a_long_text_is_whole(service: Service) -> None:
    sentences = [f"This is sentence number {number} of a rather long text." for number in range(400)]
    together = np.frombuffer(service.speak(" ".join(sentences)).content, "<i2")
    one = len(service.speak(sentences[0]).content) // 2
    assert len(together) > 0.8 * one * len(sentences)
