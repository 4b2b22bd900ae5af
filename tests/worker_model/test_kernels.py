"""Operators of ours next to slow references: numpy, and the same graph of ONNX Runtime's operators."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

from cli.main import main
from tests.worker_model.test_fast_conv import block_weights, convolved
from tests.worker_model.tiny import WIDE, run_graph, run_model, tiny_weights
from tests.worker_model.torch_zip import write_modules
from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.onnx import OnnxEngine
from worker.engine.session import SessionSettings
from worker.model import pins
from worker.model.config import GeneratorConfig
from worker.model.export import build_graph, build_onnx
from worker.model.graph.builder import KERNELS_DOMAIN, GraphBuilder, Tensor
from worker.model.graph.layers import NORM_EPS
from worker.model.graph.residual import ResidualBlocks, snake_conv
from worker.model.graph_file import graphs, is_whole, library_of, remove_graph, weights_of
from worker.model.kernels.compile import KernelsUnavailable, check_processor, compile_kernels
from worker.model.progress import Silent
from worker.model.sources import ModelStore, ModelUnavailable

Floats = NDArray[np.float32]
RNG = np.random.default_rng(11)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        check_processor()
    except KernelsUnavailable as error:
        pytest.skip(str(error))
    if not os.environ.get("CC") and not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    path = tmp_path_factory.mktemp("kernels") / "kernels.so"
    compile_kernels(path)
    return path


def random(*shape: int) -> Floats:
    return RNG.standard_normal(shape).astype(np.float32)


def by_the_book(rows: Floats, gain: Floats, shift: Floats, weight: Floats, dilation: int) -> NDArray[np.float64]:
    """AdaIN, Snake with a true sine and a convolution, in float64. gain is Snake's frequency, too."""
    x = rows.astype(np.float64)
    t = (x - x.mean(0)) / np.sqrt(x.var(0) + NORM_EPS) * gain + shift
    return convolved(t + np.sin(np.pi * t) ** 2 / np.pi, weight, dilation)


def fused(library: Path, weight: Floats, dilation: int = 1, /, **inputs: Floats) -> Floats:
    """inputs: rows, gain, shift, and maybe residual."""

    def build(g: GraphBuilder, *tensors: Tensor) -> Tensor:
        rows, gain, shift, *residual = tensors
        added = residual[0] if residual else None
        return snake_conv(g, rows, gain, shift, name="conv", weight=weight, dilation=dilation, residual=added)

    (made,) = run_graph({}, build, library, **inputs)
    return made


def relative_error(made: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean((made - expected) ** 2) / np.mean(expected**2)))


@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 5, 6, 7, 127, 128, 129, 331, 3001])
@pytest.mark.parametrize(("taps", "channels"), [(3, 16), (7, 48), (11, 32)])
def test_any_length_and_dilation_is_convolved_as_by_the_book(
    library: Path, taps: int, channels: int, length: int, dilation: int
) -> None:
    inputs = {"rows": random(length, channels), "gain": random(channels), "shift": random(channels)}
    weight = random(channels, channels, taps) / np.float32(np.sqrt(channels * taps))
    expected = by_the_book(**inputs, weight=weight, dilation=dilation)
    made = fused(library, weight, dilation, **inputs)
    np.testing.assert_allclose(made, expected, atol=5e-3, err_msg="Snake's cubic is off by 3e-4")
    assert relative_error(made, expected) < 1e-3
    residual = random(length, channels)
    added = fused(library, weight, dilation, **inputs, residual=residual)
    np.testing.assert_array_equal(added, made + residual)


@pytest.mark.parametrize(("taps", "channels"), [(3, 256), (7, 256), (11, 128)])
def test_rounding_errors_stay_those_of_float32(library: Path, taps: int, channels: int) -> None:
    """At the network's own sizes, with AdaIN's gain at zero, where only the convolution is left to be wrong."""
    inputs = {"rows": random(400, channels), "gain": np.zeros(channels, np.float32), "shift": random(channels).round()}
    weight = random(channels, channels, taps)
    made = fused(library, weight, **inputs)
    assert relative_error(made, by_the_book(**inputs, weight=weight, dilation=1)) < 2e-6


def test_a_mean_of_a_hundred_deviations_costs_no_precision(library: Path) -> None:
    """Rows of ten binary places, to which floats can add 128 without a loss of their own."""
    rows = (random(1000, 16) * 2**10).round() / np.float32(2**10)
    norm, weight = {"gain": random(16), "shift": random(16)}, random(16, 16, 3)
    near, far = (fused(library, weight, rows=rows + np.float32(offset), **norm) for offset in (0, 128))
    assert relative_error(far, near) < 2e-5


@pytest.mark.parametrize("taps", [3, 7, 11])
def test_a_residual_block_is_that_of_plain_operators(library: Path, taps: int) -> None:
    channels = 32
    weights, config = block_weights(taps, channels), GeneratorConfig()
    inputs = {"rows": random(500, channels) + np.float32(100), "style": random(6)}

    def refine(g: GraphBuilder, rows: Tensor, style: Tensor) -> Tensor:
        return ResidualBlocks(g, rows, style, config).refine(rows, "m")

    (made,), (expected,) = run_graph(weights, refine, library, **inputs), run_graph(weights, refine, **inputs)
    assert relative_error(made - 100, expected - 100) < 5e-5, "float32 at 100"


def test_as_many_threads_as_one_likes_make_the_same(library: Path) -> None:
    model = wide_model()
    one, two = (run_model(model, utterance(), library, threads)[0] for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def wide_model() -> onnx.ModelProto:
    return build_graph(tiny_weights(WIDE), WIDE, has_kernels=True)


def utterance() -> dict[str, NDArray[np.generic]]:
    return {
        "tokens": np.arange(40)[None],
        "style": np.full((1, 256), 0.1, np.float32),
        "speed": np.ones(1, np.float32),
    }


def test_a_fused_graph_speaks_as_the_plain_one_does(library: Path) -> None:
    plain = build_graph(tiny_weights(WIDE), WIDE)
    model = wide_model()
    assert sum(node.domain == KERNELS_DOMAIN for node in model.graph.node) == 48
    (audio, units), (expected, expected_units) = run_model(model, utterance(), library), run_model(plain, utterance())
    np.testing.assert_array_equal(units, expected_units)
    assert relative_error(audio, expected) < 3e-2, "random weights amplify rounding; tests/model knows the real ones"


def node_of(shapes: dict[str, list[int]], **attributes: int) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    node = helper.make_node("SnakeConv", list(shapes), ["out"], domain=KERNELS_DOMAIN)
    node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(KERNELS_DOMAIN, 1)]
    return helper.make_model(helper.make_graph([node], "one", inputs, [out]), opset_imports=opsets, ir_version=9)


RIGHT = {"rows": [30, 32], "gain": [32], "shift": [32], "weights": [8, 2, 32, 16]}
RIGHT |= {"forward": [8, 8], "backward": [6, 8]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": [30, 31]},
        {"rows": [30, 32, 1]},
        {"gain": [16]},
        {"shift": [1, 32]},
        {"weights": [8, 2, 32, 8]},
        {"weights": [7, 2, 32, 16]},
        {"forward": [8, 9]},
        {"backward": [5, 8]},
        {"residual": [29, 32]},
    ],
)
def test_tensors_that_do_not_fit_are_refused(library: Path, wrong: dict[str, list[int]]) -> None:
    shapes = {**RIGHT, "residual": [30, 32]} | wrong
    with pytest.raises(InvalidArgument, match="wrong shapes"):
        run_model(node_of(shapes, dilation=1), {name: random(*shape) for name, shape in shapes.items()}, library)


def test_no_rows_make_no_rows(library: Path) -> None:
    shapes = RIGHT | {"rows": [0, 32]}
    (made,) = run_model(node_of(shapes, dilation=1), {name: random(*shape) for name, shape in shapes.items()}, library)
    assert made.shape == (0, 32)


@pytest.mark.parametrize("attributes", [{}, {"dilation": 0}])
def test_a_dilation_is_needed(library: Path, attributes: dict[str, int]) -> None:
    with pytest.raises((Fail, RuntimeException), match="dilation"):
        run_model(node_of(RIGHT, **attributes), {name: random(*shape) for name, shape in RIGHT.items()}, library)


# -- beside the graph --------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Path) -> ModelStore:
    """Weights, a fused graph and a plain one, and the settings that point there."""
    write_modules(tmp_path / pins.HUB_WEIGHTS.name, tiny_weights(WIDE))
    (tmp_path / "voices").mkdir()
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    store = ModelStore(tmp_path, tmp_path / "voices", origins=[])
    build_onnx(store, Silent(), WIDE, "fused")
    build_onnx(store, Silent(), WIDE, "fp32")
    return store


def test_the_setting_says_which_graph_is_used(store: ModelStore) -> None:
    plain, own = store.graph_path("fp32"), store.graph_path("fused")
    assert [store.onnx_path("fp32", setting) for setting in ("auto", "on", "off")] == [own, own, plain]
    remove_graph(own)
    assert not library_of(own).exists()
    assert not weights_of(own).exists()
    assert store.onnx_path("fp32") == plain
    with pytest.raises(ModelUnavailable, match="no fused graph"):
        store.onnx_path("fp32", "on")


def test_a_fused_graph_without_its_operators_is_not_whole(store: ModelStore) -> None:
    own = store.onnx_path()
    library_of(own).unlink()
    assert not is_whole(own)
    assert store.onnx_path() == store.graph_path("fp32")


def test_an_engine_speaks_with_them(store: ModelStore) -> None:
    job = EngineJob((1, 2, 3), np.full(256, 0.1, np.float32), 1.0, seed=0)
    spoken = []
    for graph in graphs(store.model_dir):
        engine = OnnxEngine(graph, SessionSettings(num_threads=2))
        engine.warm_up()
        [speech] = engine.synthesise([job])
        assert isinstance(speech, Speech)
        spoken.append(speech.pcm.astype(int))
    assert len(spoken) == 2
    assert relative_error(*spoken) < 3e-2


def test_a_damaged_library_is_named(store: ModelStore) -> None:
    graph = store.onnx_path()
    library_of(graph).write_bytes(b"no library")
    with pytest.raises(EngineError, match="cannot be loaded"):
        OnnxEngine(graph)


def test_a_processor_without_avx2_is_not_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.model.kernels.compile._processor_flags", lambda: frozenset({"avx"}))
    with pytest.raises(KernelsUnavailable, match="AVX2"):
        check_processor()


@pytest.mark.parametrize(
    ("compiler", "reason"), [("false", "false failed"), ("/nowhere/cc -v", "/nowhere/cc cannot be run")]
)
def test_a_compiler_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, reason: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(KernelsUnavailable, match=reason):
        compile_kernels(tmp_path / "kernels.so")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_compiler(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(store.voices_dir))
    assert shutil.which("cc") is None


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_the_plain_graph_does(store: ModelStore) -> None:
    remove_graph(store.graph_path("fused"))
    plain = store.graph_path("fp32")
    before = plain.stat().st_mtime_ns
    ended = CliRunner().invoke(main, ["models", "build"])
    assert ended.exit_code == 0, ended.output
    assert plain.stat().st_mtime_ns == before
    insisting = CliRunner(env={"ONNX_KERNELS": "on"}).invoke(main, ["models", "build"])
    assert insisting.exit_code == 1
    assert "there is no C compiler" in insisting.output


@pytest.mark.usefixtures("no_compiler")
def test_that_the_faster_operators_are_missing_is_said_before_the_plain_graph_is_built(store: ModelStore) -> None:
    for graph in graphs(store.model_dir):
        remove_graph(graph)
    ended = CliRunner().invoke(main, ["models", "build"])
    said = " ".join(ended.output.split())
    assert "Without operators of our own, which are faster: there is no C compiler" in said
    assert said.index("Without operators") < said.index("has shape"), "these weights are not the real ones"
