# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch

from mtmsd_qgis.device import choose_device, memory_guard
from mtmsd_qgis.errors import DeviceError

no_card = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a usable card")


def test_cpu_is_always_there():
    device = choose_device("cpu")
    assert device.name == "cpu"
    assert "threads" in device.label


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


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("x"), MemoryError()])
def test_running_out_of_memory_names_a_remedy(error):
    with (
        pytest.raises(DeviceError, match="ran out of memory"),
        memory_guard(choose_device("cpu"), "Buy more."),
    ):
        raise error


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_a_card_is_named():
    device = choose_device("cuda:0")
    assert "GiB" in device.label
    assert device.torch_device.type == "cuda"
