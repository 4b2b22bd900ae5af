"""The kernels for GPUs, where there is none: what they compute, by Triton's interpreter; and that they compile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from worker.engine.base import EngineError

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from worker.engine.adain import choose_ops, difference  # noqa: E402 - needs torch
from worker.model.network.adain import PlainAdainOps  # noqa: E402

# Not for want of weights: torch is only installed where the tests of that mark run.
pytestmark = pytest.mark.model

CPU = torch.device("cpu")


@pytest.mark.timeout(300)  # it interprets
def test_they_compute_what_torchs_own_operators_do() -> None:
    """In a process of its own: the interpreter must be asked for before Triton is imported."""
    script = Path(__file__).with_name("interpreted_kernels.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(script)]
    ran = subprocess.run(
        command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-5000:]


@pytest.mark.parametrize("capability", [80, 89, 90])
@pytest.mark.parametrize(("block", "channels", "parts"), [(160, 256, 5), (960, 128, 5), (8, 1090, 1), (16, 512, 1)])
@pytest.mark.filterwarnings("ignore::UserWarning")  # of what Triton's next release will do
def test_they_compile_for_gpus_and_the_generators_move_128_bits_at_a_time(
    capability: int, block: int, channels: int, parts: int
) -> None:
    from worker.model.kernels import adain_gpu as gpu
    from worker.model.kernels import adain_triton as kernels

    half, full, index = "*fp16", "*fp32", "*i64"
    where = {"owners": index, "first_blocks": index, "lengths": index}
    shape = {"BLOCK": block, "CHANNELS": channels, "PARTS": parts}
    tile = {**shape, "WIDE": min(channels, gpu.WIDE), "ROWS": min(block, gpu.ROWS)}
    rows = {"x": half, "h": half, "bias": half, "made": half, "partial": full}
    styles = {"means": full, "gains": full, "scales": full, "shifts": full, "stride": "i32", "reciprocals": half}
    added = _compiled(kernels.sum_kernel, {**rows, **where}, {**tile, "ADDS": True}, capability)
    summed = _compiled(kernels.sum_kernel, {**rows, **where}, {**tile, "ADDS": False}, capability)
    made = [
        _compiled(
            kernels.apply_kernel,
            {"x": half, "made": half, **styles, **where},
            {**tile, "SNAKES": snakes, "SLOPE": 0.2},
            capability,
        )
        for snakes in (False, True)
    ]
    sums = {"x": half, "partial": full, "means": full, "gains": full, **where}
    _compiled(kernels.finish_kernel, sums, {**shape, "WIDE": gpu.FINISHED, "PARTIALS": gpu.PARTIALS}, capability)
    if block >= 160:
        assert all("ld.global.v4.b32" in code for code in (added, summed, *made))
        assert all("st.global.v4.b32" in code for code in (added, *made))


def _compiled(kernel: Any, types: dict[str, str], constants: dict[str, Any], capability: int) -> str:
    """Its assembly; every pointer is aligned, as those are that torch's allocator gives."""
    from triton import compile as compile_kernel
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    signature = {name: types.get(name, "constexpr") for name in names}
    aligned = {
        (number,): [["tt.divisibility", 16]] for number, name in enumerate(names) if signature[name].startswith("*")
    }
    values = {(names.index(name),): value for name, value in constants.items()}
    made = compile_kernel(ASTSource(kernel, signature, values, aligned), target=GPUTarget("cuda", capability, 32))
    assert made.asm["cubin"]
    return str(made.asm["ptx"])


def test_without_a_gpu_torchs_own_are_chosen_unless_ours_are_asked_for() -> None:
    for switch in ("auto", "off"):
        assert isinstance(choose_ops(CPU, torch.float32, switch, compiles=False), PlainAdainOps)
    with pytest.raises(EngineError, match="do not work here") as caught:
        choose_ops(CPU, torch.float32, "on", compiles=False)
    assert caught.value.code == "kernels_unusable"


def test_what_does_not_agree_is_seen() -> None:
    class Wrong(PlainAdainOps):
        def snake(self, *args: Any) -> Any:
            return super().snake(*args) * 1.1

    assert difference(PlainAdainOps(), CPU, torch.float32) == 0.0
    assert difference(Wrong(), CPU, torch.float32) > 0.05
