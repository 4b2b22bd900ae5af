"""Which device torch runs on."""

from __future__ import annotations

from typing import Literal

import torch

from worker.engine.base import EngineError

DeviceType = Literal["cuda", "mps", "cpu"]


def choose_device(device_type: DeviceType | None = None, use_gpu: bool | None = None) -> torch.device:
    """The device asked for, or where nothing is asked, the best there is: cuda, then mps, then cpu.

    use_gpu: True asks for either kind of GPU, False for none. Raises EngineError when what is asked for is not there
    or contradicts itself: whoever asks for a GPU is not served by a CPU in silence.
    """
    there: dict[DeviceType, bool] = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device_type is not None and use_gpu is not None and use_gpu == (device_type == "cpu"):
        raise EngineError(f"DEVICE_TYPE={device_type} contradicts USE_GPU={str(use_gpu).lower()}", "device_unavailable")
    if device_type is None:
        wanted = [kind for kind in there if use_gpu is None or use_gpu == (kind != "cpu")]
        device_type = next((kind for kind in wanted if there[kind]), None)
    if device_type is None or not there[device_type]:
        asked = f"DEVICE_TYPE={device_type}" if device_type else "USE_GPU=true"
        raise EngineError(f"{asked}, but torch {torch.__version__} finds no such device here", "device_unavailable")
    return torch.device(device_type)
