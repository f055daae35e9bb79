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
algorithm.py     PPO as the fused engine means it; rollout.py is what it learns from, fused_loop.py how it takes the
                 place of skrl's acting, recording and updating
torch/  jax/     mirror images: models.py, wrap_np.py; the stock engine in agent.py and trainer.py, the fused one in
                 fused.py, fused_network.py, fused_steps.py and fused_trainer.py; in torch/ fused_kernels.py too, what
                 threads do without Python's lock
"""
