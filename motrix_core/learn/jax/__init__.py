"""JAX: skrl's PPO. The mirror image of `motrix_core.learn.torch`; read the two side by side."""
