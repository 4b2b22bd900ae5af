"""Samples of every language to listen to, in build/listen/<language>/NN.wav, with what is said in NN.txt.

    python -m bench.listen
    python -m bench.listen --language ja --language zh --voice zf_xiaoni

Needs the model (`kokoro-fleet models pull`). Sentences are those of the tests, one voice to a language.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from gateway.text.chunker import Chunk
from gateway.text.core import chunk_text
from gateway.text.languages import Language
from gateway.text.phonemisers import g2p_for
from tests.text.languages.sentences import SENTENCES
from worker.engine.base import SAMPLE_RATE, EngineError, EngineJob, Speech
from worker.engine.onnx import OnnxEngine
from worker.model.sources import ModelStore
from worker.settings import WorkerSettings
from worker.voices import VoicePacks

VOICES = {
    Language.ES: "ef_dora",
    Language.FR: "ff_siwis",
    Language.HI: "hf_alpha",
    Language.IT: "if_sara",
    Language.JA: "jf_alpha",
    Language.PT_BR: "pf_dora",
    Language.ZH: "zf_xiaoxiao",
}


class Reader:
    """Speaks chunks with the real model, without a service around it."""

    def __init__(self) -> None:
        settings = WorkerSettings()
        self._engine = OnnxEngine(ModelStore(settings.model_dir, settings.voices_path).onnx_path())
        self._voices = VoicePacks(settings.voices_path)

    def speech(self, chunk: Chunk, voice: str, speed: float = 1.0) -> Speech:
        """Raises EngineError."""
        style = self._voices.style([(voice, 1.0)], len(chunk.token_ids))
        [spoken] = self._engine.synthesise([EngineJob(chunk.token_ids, style, speed, seed=0)])
        if isinstance(spoken, EngineError):
            raise spoken
        return spoken


def write_wav(path: Path, parts: Sequence[NDArray[np.int16]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.concatenate(parts).astype("<i2").tobytes())


@click.command()
@click.option("--language", "codes", multiple=True, type=click.Choice([language.value for language in VOICES]))
@click.option("--voice", help="Instead of each language's usual one.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/listen"), show_default=True)
def main(codes: tuple[str, ...], voice: str | None, folder: Path) -> None:
    """Write the samples."""
    reader = Reader()
    for language in map(Language, codes or [language.value for language in VOICES]):
        for number, sentence in enumerate(SENTENCES[language], 1):
            chunks = list(chunk_text(sentence, g2p_for(language), language=language))
            path = folder / language.value / f"{number:02}.wav"
            write_wav(path, [reader.speech(chunk, voice or VOICES[language]).pcm for chunk in chunks])
            path.with_suffix(".txt").write_text("\n".join([sentence, *(chunk.phonemes for chunk in chunks)]) + "\n")
        click.echo(f"{language.value}: {len(SENTENCES[language])} samples in {folder / language.value}")


if __name__ == "__main__":
    main()
