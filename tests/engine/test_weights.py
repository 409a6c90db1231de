"""Networks and optimizers as tensors, and back."""

import pytest
import torch
from torch import nn

from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.training.optim import gradient_step
from h2o_gan.engine.weights import named, network_of, optimizer_of, resumed


class Network(nn.Module):
    """A layer and a list of small tensors."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.heads = nn.ParameterList(nn.Parameter(torch.randn(n)) for n in (1, 4, 2))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network()


def trained(network):
    weights = list(network.parameters())[:-1]  # the last one has no moments
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(2):
        loss = sum(weight.square().sum() for weight in weights)
        gradient_step(optimizer, loss, weights)
    return optimizer.state_dict()


def test_lists_are_one_tensor_each(network):
    tensors = named({"critic": network.state_dict()})
    assert set(tensors) == {"critic.layer.weight", "critic.layer.bias", "critic.heads"}
    assert tensors["critic.heads"].shape == (7,)


def test_a_network_comes_back_without_gradients(network):
    again = network_of(Network, "critic", named({"critic": network.state_dict()}))
    for name, weight in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)
    assert not again.training and not any(w.requires_grad for w in again.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"critic.layer.bias": torch.zeros(3)}, "do not fit its architecture"),
        ({"critic.heads": torch.zeros(8)}, "do not fit its architecture"),
        ({"critic.other": torch.zeros(1)}, "do not fit its architecture"),
        ({"critic.layer.bias": torch.zeros(2).double()}, "not single precision"),
        ({"critic.layer.bias": torch.tensor([0, torch.nan])}, "not finite"),
        ({"critic.layer.bias": torch.tensor([0, 1e13])}, "not finite"),
    ],
)
def test_other_tensors_are_refused(network, change, message):
    tensors = {**named({"critic": network.state_dict()}), **change}
    with pytest.raises(Damaged, match=message):
        network_of(Network, "critic", tensors)


def test_moments_come_back(network):
    state = trained(network)
    tensors = named({}, {"adam": state})
    assert tensors["adam.places"].tolist() == [0, 1, 2, 3]
    assert tensors["adam.exp_avg"].shape == (6 + 2 + 1 + 4,)
    again = optimizer_of("adam", network, tensors)["state"]
    assert set(again) == set(state["state"])
    for index, entry in state["state"].items():
        for name, value in entry.items():
            assert torch.equal(again[index][name], value)


def test_moments_by_weight_of_earlier_formats_come_back(network):
    state = trained(network)["state"]
    tensors = {
        f"adam.{index}.{name}": value for index, entry in state.items()
        for name, value in entry.items()
    }  # fmt: skip
    again = optimizer_of("adam", network, tensors)["state"]
    assert all(torch.equal(again[i]["exp_avg"], state[i]["exp_avg"]) for i in state)


@pytest.mark.parametrize(
    "change",
    [
        {"places": torch.tensor([0, 1, 2, 9])},
        {"places": torch.tensor([0, 1, 2, -1])},
        {"places": torch.tensor([0.0, 1, 2, 3])},
        {"step": torch.ones(3)},
        {"exp_avg": torch.zeros(5)},
        {"other": torch.zeros(5)},
        {"exp_avg": torch.zeros(13).double()},
    ],
)
def test_other_moments_are_refused(network, change):
    tensors = named({}, {"adam": trained(network)})
    tensors.update({f"adam.{name}": value for name, value in change.items()})
    with pytest.raises(Damaged, match="its adam"):
        optimizer_of("adam", network, tensors)


def test_a_state_of_training_may_be_left_out(network):
    tensors = named({"generator": network.state_dict()})
    assert resumed("generator", Network, tensors) == ({}, {})
    tensors = named(
        {"last_generator": network.state_dict()}, {"generator_optimizer": trained(network)}
    )
    last, optimizer = resumed("generator", Network, tensors)
    assert set(last) == set(network.state_dict()) and len(optimizer["state"]) == 4
