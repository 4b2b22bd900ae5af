"""The command line, as typed: `up` from start to Ctrl-C, `say` against a running service."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import wave
from pathlib import Path

import av
import httpx
import psutil
import pytest
import srt
import webvtt

from cli.say import format_of
from tests.conftest import Service, wait_until


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_up_starts_all_says_how_to_use_it_and_stops_all(tmp_path: Path, signum: signal.Signals) -> None:
    port = 18_880 + int(signum)
    environment = {key: value for key, value in os.environ.items() if key != "REDIS_URL"} | {"PORT": str(port)}
    log = tmp_path / "log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "cli", "up", "--engine", "fake", "--workers", "2"]
        up = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=tmp_path)
    try:
        wait_until(lambda: "Ready." in log.read_text() or up.poll() is not None, "up is ready", 60)
        family = psutil.Process(up.pid).children(recursive=True)
        assert len(family) >= 4  # queue, gateway, two workers; and the gateway's text processes
        line = re.search(r"^ *(curl .*)$", log.read_text(), re.MULTILINE)
        assert line is not None, log.read_text()
        subprocess.run(line[1], shell=True, check=True, cwd=tmp_path, timeout=30)  # noqa: S602 - as a user pastes it
        with av.open(tmp_path / "hello.mp3", "r") as container:
            assert sum(frame.samples for frame in container.decode(container.streams.audio[0])) > 1000
        worker = next(child for child in family if child.cmdline()[-1] == "worker")
        worker.kill()
        wait_until(lambda: "starting it again" in log.read_text(), "a dead worker is replaced")
        wait_until(
            lambda: len(httpx.get(f"http://localhost:{port}/health").json()["workers"]) == 2, "two workers again"
        )
        family = psutil.Process(up.pid).children(recursive=True)
        up.send_signal(signum)
        assert up.wait(30) == 0
        assert [child for child in family if child.is_running() and child.status() != "zombie"] == []
    finally:
        up.kill()
        up.wait()


def test_up_refuses_a_port_in_use(service: Service) -> None:
    result = cli("up", "--engine", "fake", HOST="127.0.0.1", PORT=service.url.rpartition(":")[2])
    assert result.returncode == 1
    assert "Address already in use" in result.stderr
    assert "PORT" in result.stderr


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac"])
def test_say_writes_the_format_that_the_name_says(service: Service, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"hello.{suffix}"
    result = cli("say", "Hello world!", "-o", str(output), "--voice", "af_bella+af_sky", "--url", service.url)
    assert result.returncode == 0, result.stderr
    with av.open(output, "r") as container:
        assert sum(frame.samples for frame in container.decode(container.streams.audio[0])) > 1000
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


@pytest.mark.parametrize(("name", "form"), [("a.ulaw", "mulaw"), ("a.ogg", "opus"), ("a", "mp3"), ("a.WAV", "wav")])
def test_say_knows_names_that_formats_go_by(tmp_path: Path, name: str, form: str) -> None:
    assert format_of(tmp_path / name) == form


def test_say_asks_for_the_sound_and_the_markup_that_its_options_say(service: Service, tmp_path: Path) -> None:
    text = "<speak>Hello <break time='1s'/> there.</speak>"
    options = ("--sample-rate", "16000", "--volume", "0.5", "--ssml")
    result = cli("say", text, "-o", str(tmp_path / "a.wav"), *options, "--url", service.url)
    assert result.returncode == 0, result.stderr
    asked = {"sample_rate": 16_000, "volume_multiplier": 0.5, "ssml": True, "response_format": "pcm"}
    spoken = service.speak(text, **asked)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getframerate() == 16_000
        assert file.readframes(file.getnframes()) == spoken.content
    tagged = ("[voice:am_adam]Hello there.", "--voice-tags", "--bitrate", "32k", "-o", str(tmp_path / "b.mp3"))
    result = cli("say", *tagged, "--url", service.url)
    assert result.returncode == 0, result.stderr
    expected = service.speak(tagged[0], allow_voice_tags=True, bitrate="32k", response_format="mp3")
    assert len((tmp_path / "b.mp3").read_bytes()) == len(expected.content)


def test_say_shows_the_servers_reason_and_writes_nothing(service: Service, tmp_path: Path) -> None:
    result = cli("say", "Hi.", "-o", str(tmp_path / "a.mp3"), "--voice", "af_bela", "--url", service.url)
    assert result.returncode == 1
    assert "400: Voice 'af_bela' not found. Did you mean 'af_bella'" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_say_reads_a_file_and_standard_input(service: Service, tmp_path: Path) -> None:
    source = tmp_path / "text.txt"
    source.write_text("Grüße aus Köln.", encoding="utf-8")
    result = cli("say", "-f", str(source), "-o", str(tmp_path / "a.pcm"), "--url", service.url)
    assert result.returncode == 0, result.stderr
    for name, dash in (("b.pcm", ["-"]), ("c.pcm", [])):
        command = [sys.executable, "-m", "cli", "say", *dash, "-o", str(tmp_path / name), "--url", service.url]
        with source.open("rb") as text:
            subprocess.run(command, stdin=text, check=True, timeout=60, stderr=subprocess.DEVNULL)
        assert (tmp_path / "a.pcm").read_bytes() == (tmp_path / name).read_bytes()
    source.write_bytes(b"\xff\xfe")
    result = cli("say", "-f", str(source), "-o", str(tmp_path / "c.pcm"), "--url", service.url)
    assert result.returncode == 1
    assert "is not UTF-8 text" in result.stderr


def test_say_writes_subtitles_of_what_is_heard_and_true_sizes(service: Service, tmp_path: Path) -> None:
    text = "Hello there. [pause:2s] This is the second sentence."
    for form in ("srt", "vtt"):
        names = [str(tmp_path / f"hello.{suffix}") for suffix in ("wav", form)]
        result = cli("say", text, "-o", names[0], "--subtitles", names[1], "--url", service.url)
        assert result.returncode == 0, result.stderr
    cues = list(srt.parse((tmp_path / "hello.srt").read_text()))
    assert [cue.content for cue in cues] == ["Hello there.", "This is the second sentence."]
    assert (cues[1].start - cues[0].end).total_seconds() > 1.5
    assert len(webvtt.read(str(tmp_path / "hello.vtt"))) == 2
    with wave.open(str(tmp_path / "hello.wav")) as file:
        assert file.getnframes() / file.getframerate() >= cues[1].end.total_seconds()
        assert (tmp_path / "hello.wav").stat().st_size == 44 + 2 * file.getnframes()


def test_say_plays_through_the_player_that_is_there(service: Service, tmp_path: Path) -> None:
    player = tmp_path / "aplay"
    player.write_text(f"#!/bin/sh\necho $* > {tmp_path}/arguments\nexec /bin/cat > {tmp_path}/played\n")
    player.chmod(0o755)
    result = cli("say", "Hello world!", "--play", "--url", service.url, PATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "played").read_bytes() == service.speak("Hello world!").content
    assert "-r 24000" in (tmp_path / "arguments").read_text()
    result = cli("say", "Hi.", "--play", "--format", "mp3", "--url", service.url, PATH=str(tmp_path))
    assert result.returncode == 1
    assert "aplay cannot play mp3" in result.stderr


def test_say_without_a_player_says_what_to_install(service: Service, tmp_path: Path) -> None:
    result = cli("say", "Hello world!", "--play", "--url", service.url, PATH=str(tmp_path))
    assert result.returncode == 1
    assert "install ffplay" in result.stderr


def test_say_interrupted_writes_nothing(service: Service, tmp_path: Path) -> None:
    text = "A sentence that is said many times over. " * 20_000
    source = tmp_path / "text.txt"
    source.write_text(text)
    # Whoever runs the tests in the background has them ignore SIGINT, and so what they start.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "cli", "say", "-f", str(source)]
    command += ["-o", str(tmp_path / "a.mp3")]
    saying = subprocess.Popen([*command, "--url", service.url], stderr=subprocess.PIPE)
    wait_until((tmp_path / "a.mp3.part").exists, "it has begun", 40)
    saying.send_signal(signal.SIGINT)
    _, told = saying.communicate(timeout=30)
    # A shell calls both 130. Python ends itself by the signal if it came while a module was being imported.
    assert saying.returncode in {130, -signal.SIGINT}, told
    assert b"Cancelled" in told
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["Hi."],
        ["-o", "a.mp3"],
        ["Hi.", "-f", "nowhere.txt", "-o", "a.mp3"],
        ["Hi.", "--subtitles", "a.txt"],
        ["Hi.", "--subtitles", "a.srt", "--ssml"],
        ["Hi.", "--play", "--sample-rate", "8000"],
    ],
)
def test_say_refuses_options_that_make_no_sense(arguments: list[str]) -> None:
    assert cli("say", *arguments).returncode == 2


def test_say_without_a_server(tmp_path: Path) -> None:
    result = cli("say", "Hi.", "-o", str(tmp_path / "a.mp3"), "--url", "http://127.0.0.1:9")
    assert result.returncode == 1
    assert "No answer from http://127.0.0.1:9" in result.stderr
    assert "kokoro-fleet up" in result.stderr


def test_wrong_settings_are_named() -> None:
    result = cli("gateway", PORT="eighty", CHUNK_WINDOW="0")
    assert result.returncode == 1
    assert "PORT" in result.stderr
    assert "CHUNK_WINDOW" in result.stderr


def test_settings_that_clash_are_named() -> None:
    result = cli("gateway", TARGET_MIN_TOKENS="300", TARGET_MAX_TOKENS="200")
    assert result.returncode == 1
    assert "TARGET_MIN_TOKENS" in result.stderr


def test_a_worker_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    result = cli("worker", MODEL_DIR=str(tmp_path))
    assert result.returncode == 1
    assert "kokoro-fleet models pull" in result.stderr


@pytest.mark.parametrize("command", ["", "up", "gateway", "worker", "models", "models pull", "say"])
def test_help_is_there_without_any_engine(command: str) -> None:
    result = cli(*command.split(), "--help")
    assert result.returncode == 0
    assert len(result.stdout) > 100


def test_models_without_files_and_without_downloads(tmp_path: Path) -> None:
    result = cli("models", "pull", MODEL_DIR=str(tmp_path), DOWNLOAD_MODEL="false")
    assert result.returncode == 1
    assert "DOWNLOAD_MODEL=false" in result.stderr
    assert cli("models", "verify", MODEL_DIR=str(tmp_path)).returncode == 1


def test_the_gateway_loads_no_model_library() -> None:
    code = (
        "import sys, gateway.app; sys.exit(bool({'torch', 'onnxruntime', 'onnx', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_the_worker_loads_no_torch_and_no_linguistics() -> None:
    code = "import sys, worker.main, worker.engine.onnx; bad = {'torch', 'onnx', 'spacy', 'misaki', 'fastapi', 'av'}"
    check = f"{code}; sys.exit(bool(bad & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0
