"""Devices by name, and copies on the CPU."""

import pytest
import torch
from torch import nn

from h2o_gan.engine.device import copied, on_cpu, resolve_device, sampling_device


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many CUDA devices, and perhaps MPS."""

    def become(cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return become


@pytest.mark.parametrize(
    ("cuda", "mps", "training", "sampling"),
    [(0, False, "cpu", "cpu"), (0, True, "mps", "cpu"), (2, True, "cuda", "cuda")],
)
def test_the_best_device_is_found(machine, cuda, mps, training, sampling):
    machine(cuda, mps)
    assert resolve_device("auto").type == training
    assert sampling_device().type == sampling


def test_devices_are_named_as_in_torch(machine):
    machine(cuda=2, mps=True)
    for name in ("cpu", "cuda", "cuda:1", "mps"):
        assert resolve_device(name) == torch.device(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", "device='gpu' is not known"),
        ("meta", "device='meta' is not known"),
        ("cuda:1", "torch sees 1 CUDA devices"),
        ("mps", "device='mps' is not there"),
    ],
)
def test_other_devices_are_refused(machine, name, message):
    machine(cuda=1)
    with pytest.raises(ValueError, match=message):
        resolve_device(name)


def test_a_copy_is_apart_and_not_trained():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    copy = on_cpu(network)
    with torch.no_grad():
        network[0].weight.add_(1)
    assert not torch.equal(copy[0].weight, network[0].weight)
    assert not copy.training and not copy[0].weight.requires_grad
    assert network.training and network[0].weight.requires_grad


def test_a_state_is_copied_whole():
    weight = torch.ones(2, requires_grad=True)
    state = {"state": {0: {"step": weight}}, "groups": [{"lr": 0.1}, weight], "name": "x"}
    copy = copied(state)
    with torch.no_grad():
        weight.add_(1)
    assert copy["state"][0]["step"].tolist() == [1, 1] == copy["groups"][1].tolist()
    assert not copy["state"][0]["step"].requires_grad
    assert copy["groups"][0] == {"lr": 0.1} and copy["name"] == "x"
