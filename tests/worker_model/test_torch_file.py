"""Torch's files: tensors come out right, and nothing else comes out at all; what is written, torch reads."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.worker_model.torch_zip import TorchFile, call, mapping, write_modules
from worker.model.state_dict import WeightsError
from worker.model.torch_file import read_torch_modules, read_torch_tensor
from worker.model.torch_writer import torch_tensor_file


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int64"])
def test_a_tensor_comes_back_as_float32(tmp_path: Path, dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    file = TorchFile()
    path = file.write(tmp_path / "one.pt", file.tensor(array))
    read = read_torch_tensor(path)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, array)


def test_strides_are_followed(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    file = TorchFile()
    path = file.write(tmp_path / "transposed.pt", file.tensor(array, shape=(4, 3), stride=(1, 4)))
    np.testing.assert_array_equal(read_torch_tensor(path), array.T)


def test_modules_are_flattened_and_lose_the_prefix(tmp_path: Path) -> None:
    tensors = {"bert.a.weight": np.ones((2, 2), np.float32), "decoder.b": np.zeros(3, np.float32)}
    read = read_torch_modules(write_modules(tmp_path / "model.pth", tensors))
    assert sorted(read) == ["bert.a.weight", "decoder.b"]
    np.testing.assert_array_equal(read["bert.a.weight"], tensors["bert.a.weight"])


@pytest.mark.parametrize(
    "evil",
    [
        call("os", "system", "true"),
        call("builtins", "eval", "1"),
        call("builtins", "getattr", 1, "real"),
        call("torch.storage", "_load_from_bytes", b""),
        call("numpy", "fromfile", "/etc/passwd"),
    ],
)
def test_any_other_name_is_refused(tmp_path: Path, evil: bytes) -> None:
    path = TorchFile().write(tmp_path / "evil.pt", evil)
    with pytest.raises(WeightsError, match="no place in a file of tensors"):
        read_torch_tensor(path)


def test_a_tensor_may_not_reach_past_its_storage(tmp_path: Path) -> None:
    file = TorchFile()
    path = file.write(tmp_path / "far.pt", file.tensor(np.zeros(4, np.float32), shape=(2, 4), stride=(4, 1)))
    with pytest.raises(WeightsError, match="past its storage"):
        read_torch_tensor(path)


def test_a_negative_stride_is_refused(tmp_path: Path) -> None:
    file = TorchFile()
    path = file.write(tmp_path / "back.pt", file.tensor(np.zeros(4, np.float32), shape=(4,), stride=(-1,)))
    with pytest.raises(WeightsError, match="negative"):
        read_torch_tensor(path)


def test_a_short_storage_is_refused(tmp_path: Path) -> None:
    file = TorchFile()
    body = file.tensor(np.zeros(4, np.float32))
    file.storages[0] = file.storages[0][:8]
    with pytest.raises(WeightsError, match="holds 2 elements"):
        read_torch_tensor(file.write(tmp_path / "short.pt", body))


def test_what_is_no_tensor_is_refused(tmp_path: Path) -> None:
    file = TorchFile()
    path = file.write(tmp_path / "dict.pt", mapping({"a": file.tensor(np.zeros(1, np.float32))}))
    with pytest.raises(WeightsError, match="not a tensor"):
        read_torch_tensor(path)
    with pytest.raises(WeightsError, match="not a dict of tensors"):
        read_torch_modules(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    file = TorchFile()
    whole = file.write(tmp_path / "whole.pt", file.tensor(np.zeros(1000, np.float32)))
    cut = tmp_path / "cut.pt"
    cut.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="cannot be read"):
        read_torch_tensor(cut)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_torch_tensor(tmp_path / "absent.pt")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(WeightsError, match="not one that"):
        read_torch_tensor(tmp_path / "other.zip")
    with pytest.raises(WeightsError):
        read_torch_tensor(TorchFile().write(tmp_path / "nonsense.pt", b"\x85R\x93"))


class TestWriting:
    @pytest.mark.parametrize("shape", [(510, 1, 256), (3,), (2, 3, 4, 5), ()])
    def test_what_is_written_is_read_again(self, shape: tuple[int, ...], tmp_path: Path) -> None:
        tensor = np.asarray(np.random.default_rng(1).standard_normal(shape), np.float32)
        path = tmp_path / "voice.pt"
        path.write_bytes(torch_tensor_file(tensor))
        np.testing.assert_array_equal(read_torch_tensor(path), tensor)

    def test_a_slice_is_written_as_what_it_shows(self, tmp_path: Path) -> None:
        tensor = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, 1::2]
        path = tmp_path / "voice.pt"
        path.write_bytes(torch_tensor_file(tensor))
        np.testing.assert_array_equal(read_torch_tensor(path), tensor)

    def test_the_archive_is_what_torch_writes(self) -> None:
        """Names, contents and the pickle's calls, as in torch/serialization.py."""
        with zipfile.ZipFile(io.BytesIO(torch_tensor_file(np.ones((2, 3), np.float32)))) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
            assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert set(parts) == {"archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/version"}
        assert (parts["archive/version"], parts["archive/byteorder"]) == (b"3\n", b"little")
        assert parts["archive/data/0"] == np.ones(6, "<f4").tobytes()
        calls = [
            argument for code, argument, _ in pickletools.genops(parts["archive/data.pkl"]) if code.name == "GLOBAL"
        ]
        assert calls == ["torch._utils _rebuild_tensor_v2", "torch FloatStorage", "collections OrderedDict"]

    def test_the_same_tensor_gives_the_same_bytes(self) -> None:
        assert torch_tensor_file(np.ones(3, np.float32)) == torch_tensor_file(np.ones(3, np.float32))

    @pytest.mark.model
    def test_torch_reads_it_without_trusting_it(self) -> None:
        import torch

        tensor = np.random.default_rng(1).standard_normal((510, 1, 256)).astype(np.float32)
        loaded = torch.load(io.BytesIO(torch_tensor_file(tensor)), weights_only=True)
        assert loaded.shape == (510, 1, 256)
        assert loaded.dtype == torch.float32
        np.testing.assert_array_equal(loaded.numpy(), tensor)
