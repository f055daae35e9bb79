"""PyTorch: skrl's PPO. The mirror image of `motrix_core.learn.jax`; read the two side by side."""
