"""Stable-Baselines3's PPO (PyTorch, on the CPU)."""

from __future__ import annotations

import torch
from stable_baselines3 import PPO

from benchmarks.peers.common import asked, environment
from benchmarks.peers.sb3_env import train

if __name__ == "__main__":
    config = asked()
    train(PPO, torch.nn.ELU, config, environment(config), device="cpu")
