"""What a person can do in Play. The handlers are the `action_…` methods of PlayPane."""

from __future__ import annotations

from motrix_tui.actions import Action


def _play(name: str, keys: tuple[str, ...], title: str, help: str, group: str, *, show: bool = True) -> Action:
    return Action(f"play.{name}", keys, title, help, "play", group, show)


PLAY_ACTIONS: tuple[Action, ...] = (
    _play("pause", ("space",), "pause", "Hold the picture, or go on.", "Time"),
    _play("step", ("full_stop",), "step", "Make a single step, and hold.", "Time"),
    _play("faster", ("plus", "equals_sign"), "faster", "Play twice as fast, up to 16 times real time.", "Time"),
    _play("slower", ("minus", "underscore"), "slower", "Play half as fast, down to a sixteenth.", "Time"),
    _play("next_episode", ("n",), "next episode", "Begin a new episode.", "Episode"),
    _play(
        "previous_checkpoint",
        ("left_square_bracket",),
        "earlier",
        "Play the checkpoint before this one.",
        "Checkpoint",
    ),
    _play("next_checkpoint", ("right_square_bracket",), "later", "Play the checkpoint after this one.", "Checkpoint"),
    _play("best_checkpoint", ("b",), "best", "Play the checkpoint that scored best.", "Checkpoint", show=False),
    _play("view", ("v",), "view", "Look from the side, or from above.", "Picture"),
    _play("monitor", ("enter", "o"), "monitor", "Show the run in Monitor.", "Go to", show=False),
)
