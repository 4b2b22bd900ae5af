"""Convolutions in integers: next to the same in floats, and from the calibration set to a graph in a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from shared.vocabulary import token_ids
from tests.worker_model.tiny import TINY, run_graph, run_model, tiny_weights
from tests.worker_model.torch_zip import write_modules
from worker.engine.choice import faster, seconds_to_speak
from worker.engine.session import SessionSettings
from worker.model import pins
from worker.model.calibration import calibration_set, measure_ranges
from worker.model.export import INT8_MODULES, build_onnx, calibration_graph
from worker.model.graph.int8_conv import MAX_WEIGHT, Ranges, conv_int8, output_middle, quantise
from worker.model.graph_file import PRECISIONS, Precision, choice_note, graphs, remove_graph, weights_of
from worker.model.progress import Silent
from worker.model.sources import ModelStore, ModelUnavailable

Floats = NDArray[np.float32]


def convolved(rows: Floats, weight: Floats, dilation: int) -> Floats:
    """The slow reference: (length, inputs) -> (length, outputs), padded with zeros."""
    taps, length = weight.shape[2], len(rows)
    side = dilation * (taps - 1) // 2
    padded = np.pad(rows, ((side, side), (0, 0)))
    return sum(  # type: ignore[return-value]
        padded[tap * dilation : tap * dilation + length] @ weight[:, :, tap].T for tap in range(taps)
    )


def ranges_of(rows: Floats, made: Floats) -> Ranges:
    return Ranges(rows.min(0), rows.max(0), made.min(0), made.max(0))


def in_integers(rows: Floats, weight: Floats, ranges: Ranges, dilation: int = 1) -> Floats:
    (made,) = run_graph({}, lambda g, x: conv_int8(g, x, "conv", weight, ranges=ranges, dilation=dilation), rows=rows)
    return made + output_middle(ranges)


def signal_to_noise_db(signal: Floats, other: Floats) -> float:
    return float(10 * np.log10((signal**2).sum() / ((signal - other) ** 2).sum()))


@pytest.mark.parametrize(("taps", "dilation"), [(3, 1), (3, 5), (7, 3), (11, 1), (11, 5)])
def test_integers_stay_close_to_floats(taps: int, dilation: int) -> None:
    rng = np.random.default_rng(taps)
    rows = rng.standard_normal((400, 32)).astype(np.float32)
    weight = (rng.standard_normal((24, 32, taps)) / np.sqrt(32 * taps)).astype(np.float32)
    expected = convolved(rows, weight, dilation)
    made = in_integers(rows, weight, ranges_of(rows, expected), dilation)
    assert signal_to_noise_db(expected, made) > 30


def test_channels_of_very_different_size_are_each_kept() -> None:
    rng = np.random.default_rng(0)
    sizes = np.logspace(-2, 2, 16).astype(np.float32)
    rows = rng.standard_normal((500, 16)).astype(np.float32) * sizes + sizes
    weight = rng.standard_normal((16, 16, 3)).astype(np.float32) / sizes[None, :, None] * sizes[:, None, None]
    expected = convolved(rows, weight, 1)
    made = in_integers(rows, weight, ranges_of(rows, expected))
    worst = min(signal_to_noise_db(expected[:, channel], made[:, channel]) for channel in range(16))
    assert worst > 28


def test_the_largest_products_do_not_overflow() -> None:
    """x86 without VNNI adds two products in 16 bits; with 8-bit weights this comes out at half its value."""
    rows = np.ones((50, 64), np.float32)
    weight = np.ones((8, 64, 3), np.float32)
    expected = convolved(rows, weight, 1)
    low, high = np.full(64, -1, np.float32), np.full(64, 1, np.float32)
    made = in_integers(rows, weight, Ranges(low, high, -expected.max(0), expected.max(0)))
    np.testing.assert_allclose(made, expected, rtol=0.01)


def test_a_silent_channel_and_a_row_of_zeros_stay_zero() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((60, 8)).astype(np.float32)
    rows[:, 3] = 0
    weight = rng.standard_normal((8, 8, 3)).astype(np.float32)
    weight[5] = 0
    expected = convolved(rows, weight, 1)
    made = in_integers(rows, weight, ranges_of(rows, expected))
    assert np.isfinite(made).all()
    np.testing.assert_allclose(made[:, 5], 0, atol=1e-3)


def test_weights_have_seven_bits() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((60, 8)).astype(np.float32)
    weight = rng.standard_normal((8, 8, 3)).astype(np.float32)
    made = quantise(weight, ranges_of(rows, convolved(rows, weight, 1)))
    assert np.abs(made.weight).max(axis=(1, 2)).tolist() == [MAX_WEIGHT] * 8


def test_the_calibration_set_is_spelt_in_the_vocabulary_and_spoken_by_released_voices() -> None:
    utterances = calibration_set()
    assert all(utterance.ids == token_ids(utterance.phonemes) for utterance in utterances)
    assert {utterance.voice for utterance in utterances} <= set(pins.VOICES)
    assert {utterance.voice[0] for utterance in utterances} == set("abefhijpz"), "every language there is"
    assert {utterance.voice[1] for utterance in utterances} == set("fm")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny weights, a voice file for each voice of the calibration set, and the graphs of both precisions."""
    folder = tmp_path_factory.mktemp("models")
    write_modules(folder / pins.HUB_WEIGHTS.name, tiny_weights())
    (folder / "voices").mkdir()
    rng = np.random.default_rng(0)
    for utterance in calibration_set():
        voice = 0.3 * rng.standard_normal((510, 256)).astype("<f4")
        (folder / f"voices/{utterance.voice}.bin").write_bytes(voice.astype("<f4").tobytes())
    for precision in PRECISIONS:
        build_onnx(stored(folder), Silent(), TINY, precision)
    return folder


@pytest.fixture
def store(built_once: Path, tmp_path: Path) -> ModelStore:
    """A copy of that folder to do with as one likes."""
    return stored(Path(shutil.copytree(built_once, tmp_path / "models")))


def stored(folder: Path) -> ModelStore:
    return ModelStore(folder, folder / "voices", origins=[])


def test_calibration_finds_the_ranges_of_every_convolution(store: ModelStore) -> None:
    weights = tiny_weights()
    model, names = calibration_graph(weights, TINY)
    ranges = measure_ranges(model, names, store.voices_dir, Silent())
    assert len(names) == 48
    assert all(name.startswith(INT8_MODULES) for name in names)
    for name in names:
        low, high = ranges[f"{name}.input_low"], ranges[f"{name}.input_high"]
        assert low.shape == high.shape == (weights[f"{name}.weight"].shape[1],)
        assert (low <= high).all()
        assert ranges[f"{name}.output_low"].shape == (weights[f"{name}.weight"].shape[0],)


def test_an_int8_graph_speaks_as_the_float32_graph_does(store: ModelStore) -> None:
    fp32, int8 = (onnx.load(store.onnx_path(precision)) for precision in PRECISIONS)
    onnx.checker.check_model(int8, full_check=True)
    assert sum(node.op_type == "QLinearConv" for node in int8.graph.node) == 48
    assert not any(node.op_type == "QLinearConv" for node in fp32.graph.node)
    utterance = calibration_set()[0]
    voice = np.fromfile(store.voices_dir / f"{utterance.voice}.bin", "<f4").reshape(510, 256)
    inputs = {
        "tokens": np.array([[0, *utterance.ids, 0]]),
        "style": voice[len(utterance.ids) - 1][None],
        "speed": np.ones(1, np.float32),
    }
    (audio, units), (audio_int8, units_int8) = run_model(fp32, inputs), run_model(int8, inputs)
    np.testing.assert_array_equal(units, units_int8)
    assert signal_to_noise_db(audio, audio_int8) > 15


def test_int8_is_built_the_same_every_time(store: ModelStore) -> None:
    path = store.onnx_path("int8")
    first = path.read_bytes(), weights_of(path).read_bytes()
    remove_graph(path)
    again = build_onnx(store, Silent(), TINY, "int8")
    assert (again.read_bytes(), weights_of(again).read_bytes()) == first


def test_precisions_are_kept_side_by_side(store: ModelStore) -> None:
    paths = [store.onnx_path(precision) for precision in PRECISIONS]
    assert sorted(paths) == graphs(store.model_dir)
    assert [build_onnx(store, Silent(), TINY, precision) for precision in PRECISIONS] == paths
    remove_graph(store.onnx_path("int8"))
    with pytest.raises(ModelUnavailable, match="no int8 graph"):
        store.onnx_path("int8")


def test_calibration_without_its_voices_says_which(store: ModelStore) -> None:
    remove_graph(store.onnx_path("int8"))
    (store.voices_dir / "jf_alpha.bin").unlink()
    with pytest.raises(ModelUnavailable, match="lacks the voice jf_alpha"):
        build_onnx(store, Silent(), TINY, "int8")
    assert graphs(store.model_dir) == [store.onnx_path("fp32")]


def test_auto_follows_the_note_beside_the_graphs(store: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match="ONNX_PRECISION is auto"):
        store.onnx_path("auto")
    for precision in PRECISIONS:
        store.choice_path().write_bytes(choice_note({"fp32": 1.0, "int8": 0.5}, precision))
        assert store.onnx_path("auto") == store.onnx_path(precision)
    store.weights_path.unlink()
    assert store.onnx_path("auto") == store.onnx_path("int8"), "a folder copied without its weights"
    next(store.model_dir.glob("*-auto.json")).write_text("{}")
    with pytest.raises(ModelUnavailable, match="is damaged"):
        store.onnx_path("auto")


def test_measuring_speaks_with_each_graph(store: ModelStore) -> None:
    paths: dict[Precision, Path] = {precision: store.onnx_path(precision) for precision in PRECISIONS}
    seconds = seconds_to_speak(paths, SessionSettings(num_threads=1), store.voices_dir)
    assert set(seconds) == {"fp32", "int8"}
    assert all(time > 0 for time in seconds.values())


def test_int8_has_to_be_worth_it() -> None:
    assert faster({"fp32": 1.0, "int8": 0.89}) == "int8"
    assert faster({"fp32": 1.0, "int8": 0.95}) == "fp32"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_worker_needs_neither_onnx_nor_torch(store: ModelStore, precision: Precision) -> None:
    store.weights_path.unlink()
    program = (
        "import sys\n"
        "sys.modules.update({name: None for name in ('onnx', 'torch', 'kokoro', 'transformers')})\n"
        "from worker.main import build_engine\n"
        "from worker.settings import WorkerSettings\n"
        "engine, _ = build_engine(WorkerSettings())\n"
        "engine.warm_up()\n"
        "print(engine.name)\n"
    )
    environment = {"MODEL_DIR": str(store.model_dir), "ONNX_PRECISION": precision, "PYTHONPATH": ":".join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout.decode().strip() == "onnx"
