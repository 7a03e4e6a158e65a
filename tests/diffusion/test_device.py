# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch

from mtmsd_qgis.diffusion.device import choose_device, fetched, short_type
from mtmsd_qgis.errors import DeviceError

no_card = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a usable card")


def test_cpu_is_always_there():
    device = choose_device("cpu")
    assert device.name == "cpu"
    count = torch.get_num_threads()
    assert device.label == ("CPU (1 thread)" if count == 1 else f"CPU ({count} threads)")


@no_card
def test_auto_falls_back_and_says_why():
    device = choose_device("auto")
    assert device.name == "cpu"
    assert "no usable card" in device.reason


@no_card
@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:7"])
def test_an_explicit_card_never_falls_back(wanted):
    with pytest.raises(DeviceError, match=f"device {wanted} was asked for, but .* Choose another device"):
        choose_device(wanted)


@pytest.mark.card
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_a_card_is_named():
    device = choose_device("cuda:0")
    assert "GiB" in device.label
    assert device.torch_device.type == "cuda"


CPU = torch.device("cpu")


def test_short_numbers_only_where_the_processor_has_them(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert short_type(CPU) == torch.float32
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert short_type(CPU) == torch.bfloat16
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert short_type(CPU) == torch.float32  # an older torch that cannot tell


@pytest.mark.card
def test_numbers_come_back_from_the_device():
    device = torch.device("cuda", 0) if torch.cuda.is_available() else CPU
    values = torch.arange(12, dtype=torch.int16, device=device).view(3, 4)
    assert fetched(values)().tolist() == values.tolist()
