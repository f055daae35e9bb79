"""sbx's PPO (JAX)."""

from __future__ import annotations

import flax.linen as nn
from sbx import PPO

from benchmarks.peers.common import asked, environment
from benchmarks.peers.sb3_env import train

if __name__ == "__main__":
    config = asked()
    train(PPO, nn.elu, config, environment(config))
