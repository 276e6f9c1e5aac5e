"""The moving average of weights: torch's numbers, without asking the device."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.ema import AveragedWeights


def test_the_average_is_torchs_to_the_last_bit() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))
    ours = AveragedWeights(net, 0.9)
    theirs = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    for step in range(5):
        for value in (*net.parameters(), *net.buffers()):
            if value.is_floating_point():
                value.data.normal_()
            else:
                value.data.fill_(step + 1)
        if step == 3:  # an average that a checkpoint brings goes on as one that never stopped
            resumed = AveragedWeights(net, 0.9)
            resumed.module.load_state_dict(ours.module.state_dict())
            resumed.updates = 3
            ours = resumed
        ours.update(net)
        theirs.update_parameters(net)
    expected, found = theirs.module.state_dict(), ours.module.state_dict()
    assert found.keys() == expected.keys()
    for name, value in found.items():
        if value.is_floating_point():
            assert torch.equal(value, expected[name]), name
        else:
            assert int(value) == 5  # a count, not an average of counts
    assert not ours.module.training
