"""Voices over HTTP: listed, mixed, taken home as a file, saved for every gateway, deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest

from shared.voices import CATALOGUE, LANGUAGES, OPENAI_VOICES
from tests.conftest import Service, running_service, running_valkey, wait_until
from worker.engine.fake import FakeVoicePacks
from worker.model.torch_file import read_torch_tensor

pytestmark = pytest.mark.timeout(180)  # two gateways and a worker start for some of these

TEXT = "The same words in another voice."


class Pair(NamedTuple):
    """Two gateways of one fleet, which allow voices to be saved."""

    one: Service
    other: Service


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    allowed = {"ALLOW_LOCAL_VOICE_SAVING": "true"}
    with running_valkey() as server, contextlib.ExitStack() as stack:
        other = Service(server.url, tmp_path_factory.mktemp("other"), {**allowed, "SAMPLE_RATE": "16000"})
        stack.callback(other.close)
        one = stack.enter_context(running_service(server.url, tmp_path_factory.mktemp("one"), allowed))
        other.wait_ready()
        yield Pair(one, other)


def combine(service: Service, body: object, **query: str) -> httpx.Response:
    return httpx.post(f"{service.url}/v1/audio/voices/combine", json=body, params=query, timeout=30)


def delete(service: Service, name: str) -> httpx.Response:
    return httpx.delete(f"{service.url}/v1/audio/voices/{name}", timeout=30)


def names(service: Service) -> list[str]:
    voices: list[str] = httpx.get(f"{service.url}/v1/audio/voices", params={"legacy": "true"}).json()["voices"]
    return voices


class TestMixing:
    def test_subtraction_is_heard(self, service: Service) -> None:
        mixes = ["af_bella", "af_bella+af_sky", "af_bella-af_sky", "af_bella(2)-af_sky", "af_sky-af_bella"]
        assert len({service.speak(TEXT, voice=mix).content for mix in mixes}) == len(mixes)

    def test_case_and_blanks_do_not_matter(self, service: Service) -> None:
        plain = service.speak(TEXT, voice="af_bella(2)-af_sky(1)").content
        assert service.speak(TEXT, voice=" AF_Bella ( 2 ) - AF_SKY ").content == plain

    @pytest.mark.parametrize("voice", ["af_bella-af_bella", "-af_bella", "af_bella--af_sky", "af_bella(-1)"])
    def test_what_is_no_voice_is_refused(self, service: Service, voice: str) -> None:
        answer = service.speak(TEXT, voice=voice)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "voice")


class TestList:
    def test_every_voice_has_a_card(self, service: Service) -> None:
        listed = httpx.get(f"{service.url}/v1/audio/voices").json()
        cards = {card["id"]: card for card in listed["voices"]}
        assert sorted(cards) == sorted(CATALOGUE)
        assert {card["language"] for card in cards.values()} == set(LANGUAGES.values())
        assert all(card["sample_text"] and card["gender"] in {"female", "male"} for card in cards.values())
        assert listed["default_voice"] == "af_heart"
        assert listed["aliases"] == OPENAI_VOICES

    @pytest.mark.parametrize("letter", LANGUAGES)
    def test_every_sample_can_be_spoken(self, service: Service, letter: str) -> None:
        cards = httpx.get(f"{service.url}/v1/audio/voices").json()["voices"]
        card = next(card for card in cards if card["id"].startswith(letter))
        assert service.speak(card["sample_text"], voice=card["id"]).status_code == 200


class TestFiles:
    @pytest.mark.parametrize(
        ("body", "mix", "file_name"),
        [
            ("af_bella(2)+af_sky(1)", {"af_bella": 2 / 3, "af_sky": 1 / 3}, "af_bella(0.6667)+af_sky(0.3333).pt"),
            (["af_bella", "af_sky"], {"af_bella": 0.5, "af_sky": 0.5}, "af_bella(0.5)+af_sky(0.5).pt"),
            ({"voices": "af_bella-af_sky"}, {"af_bella": 0.5, "af_sky": -0.5}, "af_bella(0.5)-af_sky(0.5).pt"),
            ({"voices": ["alloy"]}, {"am_adam": 1.0}, "am_adam.pt"),
            (list(CATALOGUE[:16]), dict.fromkeys(CATALOGUE[:16], 1 / 16), "combined.pt"),
        ],
    )
    def test_a_mix_comes_as_a_file(
        self, service: Service, body: object, mix: dict[str, float], file_name: str, tmp_path: Path
    ) -> None:
        answer = combine(service, body)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == f'attachment; filename="{file_name}"'
        path = tmp_path / "voice.pt"
        path.write_bytes(answer.content)
        tensor = read_torch_tensor(path)
        assert tensor.shape == (510, 1, 256)
        expected = FakeVoicePacks(CATALOGUE).pack(list(mix.items()))
        np.testing.assert_allclose(tensor[:, 0], expected, atol=1e-9)

    @pytest.mark.parametrize(
        ("body", "param", "code"),
        [
            ("af_bella+nobody", "voices", "voice_not_found"),
            ("af_bella++", "voices", "invalid_value"),
            ("", "voices", "invalid_value"),
            ([], "voices", "invalid_value"),
            ([*CATALOGUE, "af_bella"], "voices", "invalid_value"),
            (["af_bella", 5], "voices", "invalid_value"),
            ({"voices": 5}, "voices", "invalid_value"),
            ({}, "voices", "missing_required_parameter"),
            (5, None, "invalid_value"),
        ],
    )
    def test_what_is_no_mix_is_refused(self, service: Service, body: object, param: str | None, code: str) -> None:
        answer = combine(service, body)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


class TestSaving:
    def test_is_off_unless_the_operator_allows_it(self, service: Service) -> None:
        for answer in (combine(service, "af_bella", name="mine"), delete(service, "mine")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_permitted")
        assert names(service) == sorted(CATALOGUE)

    def test_a_saved_voice_is_there_for_every_gateway_at_once(self, pair: Pair) -> None:
        assert combine(pair.one, "bf_emma(3)-af_sky(1)", name="Narrator").status_code == 200
        spoken = [each.speak(TEXT, voice="narrator", sample_rate=24_000).content for each in (pair.other, pair.one)]
        written = pair.one.speak(TEXT, voice="bf_emma(3)-af_sky(1)").content
        assert spoken == [written, written]
        for each in pair:
            card = httpx.get(f"{each.url}/v1/audio/voices").json()["voices"][-1]
            assert (card["id"], card["language"], card["gender"]) == ("narrator", "British English", "female")
            assert card["mix"] == "bf_emma(0.75)-af_sky(0.25)"

    def test_it_mixes_like_any_other(self, pair: Pair) -> None:
        combine(pair.one, {"voices": "af_bella(3)+af_sky", "name": "half_way"})
        one = pair.one.speak(TEXT, voice="half_way+am_adam").content
        assert one == pair.one.speak(TEXT, voice="af_bella(3)+af_sky+am_adam(4)").content
        assert combine(pair.one, "half_way").content == combine(pair.one, "af_bella(0.75)+af_sky(0.25)").content

    def test_it_serves_in_tags_and_dialogues(self, pair: Pair) -> None:
        combine(pair.one, "bm_george+bm_lewis", name="butler")
        for body in ({"input": "[voice:butler]Yes?", "allow_voice_tags": True}, {"input": "Yes?", "voice": "butler"}):
            assert httpx.post(f"{pair.other.url}/v1/audio/speech", json=body, timeout=30).status_code == 200
        turns = {"turns": [{"voice": "butler", "text": "Yes?"}]}
        assert httpx.post(f"{pair.other.url}/v1/audio/dialogue", json=turns, timeout=30).status_code == 200

    def test_it_outlives_the_workers(self, pair: Pair) -> None:
        combine(pair.one, "if_sara+im_nicola", name="lasting")
        before = pair.one.speak(TEXT, voice="lasting").content
        pair.one.workers[-1].terminate()
        pair.one.start_worker()
        pair.one.wait_ready()
        wait_until(lambda: pair.one.speak(TEXT, voice="lasting").content == before, "the new worker speaks with it")

    def test_saving_again_replaces_it(self, pair: Pair) -> None:
        combine(pair.one, "af_bella", name="changing")
        combine(pair.one, "af_sky", name="changing")
        assert pair.one.speak(TEXT, voice="changing").content == pair.one.speak(TEXT, voice="af_sky").content

    def test_deleting_takes_it_away(self, pair: Pair) -> None:
        combine(pair.one, "af_bella", name="passing")
        assert delete(pair.other, "Passing").json() == {"id": "passing", "object": "audio.voice", "deleted": True}
        assert "passing" not in names(pair.one)
        assert pair.one.speak(TEXT, voice="passing").json()["error"]["code"] == "voice_not_found"
        assert delete(pair.other, "passing").status_code == 404

    @pytest.mark.parametrize("name", ["af_bella", "AF_Bella", "alloy", "", "a-b", "a b", "../x", "x" * 65, "ä"])
    def test_names_that_it_cannot_have(self, pair: Pair, name: str) -> None:
        answer = combine(pair.one, {"voices": "af_bella", "name": name})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "name")

    def test_the_models_own_voices_cannot_be_deleted(self, pair: Pair) -> None:
        assert delete(pair.one, "af_bella").status_code == 404
        assert "af_bella" in names(pair.one)


def test_the_operators_sample_rate_is_the_default(pair: Pair) -> None:
    """Here since this gateway is set up in another way than the usual one."""
    answer = pair.other.speak(TEXT)
    assert answer.headers["content-type"] == "audio/pcm;rate=16000;channels=1"
    assert len(answer.content) / 2 == pytest.approx(len(pair.one.speak(TEXT).content) / 3, abs=2)
    assert pair.other.speak(TEXT, response_format="mulaw").headers["content-type"] == "audio/basic"
