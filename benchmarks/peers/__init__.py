"""Other libraries' PPO on the same environments and settings. They live in an environment of their own:

    python3 -m venv .venv-peers
    .venv-peers/bin/pip install -c constraints.txt torch==2.13.0
    .venv-peers/bin/pip install -c constraints.txt -e '.[motrixsim,mujoco,gym]' -r benchmarks/peers/requirements.txt
    .venv/bin/python -m benchmarks.peers --python .venv-peers/bin/python

All take turns with our runs, one update each. They are given what their interfaces can say of our settings: sizes of
networks, batches and rollouts, epochs, rates, clipping; ELU; observations normalised by a running mean and variance.
None of them shares the trunk between policy and value or scales values, and only rsl_rl adapts its rate to the KL
divergence.
"""
