"""Learning: the only room that imports skrl, torch, jax and flax, and only in the trainer's own process.

__main__.py      the trainer process
session.py       what a training does besides learning: events, control, checkpoints (saving.py), times (clock.py),
                 statistics (metrics.py), the TensorBoard mirror (tensorboard.py)
backend.py       what a backend provides and reports
spec.py          sizes, names and first values of parameters; an agent's portable state
stepping.py      the NumPy side of an environment wrapper
evaluation.py    scoring a policy; comparison.py, whether one is better; best.py, when to, and the best checkpoint
guard.py         numbers that are not finite
world.py         rank and world size
torch/  jax/     mirror images: models.py, agent.py, wrap_np.py, trainer.py
"""
