"""Which charts a run gets: metrics by name, grouped so that what is read together is drawn together."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from motrix_core.runs.text import plain

EVALUATION = "evaluation"
_SPREAD = ("mean", "max", "min")
_MOST_REWARD_TERMS = 8
_EPISODIC = ("return/", "episode_length/")
_NOT_OF_THE_STOCK_ENGINE = ("optim/grad_norm", "policy/clip_fraction")


@dataclass(frozen=True)
class SeriesSpec:
    """Metric `name`, shown as `label`; a `quiet` one is background to the others."""

    name: str
    label: str
    quiet: bool = False


@dataclass(frozen=True)
class PanelSpec:
    """One chart. `id` is stable while more metrics appear."""

    id: str
    title: str
    series: tuple[SeriesSpec, ...]
    log_y: bool = False

    def matches(self, text: str) -> bool:
        """Whether `text` occurs in the title or a metric's name; case does not matter."""
        wanted = text.strip().casefold()
        return any(wanted in part.casefold() for part in (self.title, *(series.name for series in self.series)))


def why_empty(panel: PanelSpec, *, updates: int, engine: str, is_live: bool) -> str:
    """Why the chart of `panel` has no value after `updates` updates of a run by `engine`."""
    names = [series.name for series in panel.series]
    if not updates:
        return "waiting for the first update…" if is_live else "the run ended before its first update"
    if panel.id == EVALUATION:
        return "no evaluation yet" if is_live else "never evaluated"
    if names and all(name.startswith(_EPISODIC) for name in names):
        return "no episode has ended yet" if is_live else "no episode ended"
    if engine == "stock" and all(name in _NOT_OF_THE_STOCK_ENGINE for name in names):
        return "not reported by the stock engine"
    return "no value yet" if is_live else "no value was reported"


# (id, title, names and labels, log y). KL, clip fraction and learning rate lie decades apart, hence log y.
_KNOWN: tuple[tuple[str, str, tuple[tuple[str, str], ...], bool], ...] = (
    ("return", "return", tuple((f"return/{part}", part) for part in _SPREAD), False),
    ("episode_length", "episode length", tuple((f"episode_length/{part}", part) for part in _SPREAD), False),
    ("loss", "losses", (("loss/policy", "policy"), ("loss/value", "value"), ("loss/entropy", "entropy")), False),
    ("reward", "reward terms", (), False),
    (
        "trust",
        "KL · clip fraction · lr",
        (("policy/kl", "kl"), ("policy/clip_fraction", "clip fraction"), ("optim/learning_rate", "learning rate")),
        True,
    ),
    (EVALUATION, "evaluation return", tuple((f"evaluation/return/{part}", part) for part in _SPREAD), False),
    ("throughput", "env steps per second", (("perf/env_steps_per_s", "env steps/s"),), False),
    ("value", "explained variance", (("value/explained_variance", "explained variance"),), False),
    ("gradient", "gradient norm", (("optim/grad_norm", "gradient norm"),), False),
    ("exploration", "policy spread", (("policy/std", "std"), ("policy/entropy", "entropy")), False),
)


NO_CHART = frozenset({"evaluation/return/std_error", "evaluation/episodes", "evaluation/seconds"})
"""What is told of an evaluation and makes no curve: the standard error of its mean, its episodes, its seconds."""

KNOWN = frozenset(id for id, *_ in _KNOWN)
"""The ids of the charts that nearly every run gets."""


def make_panels(names: Iterable[str], expected: Container[str] = ()) -> list[PanelSpec]:
    """The charts for metric `names`: the known ones in their order, then what else there is by prefix. `NO_CHART` has
    what gets none.

    Those whose ids are `expected` are there before their metrics are, so that charts need not move when these come.
    """
    left = dict.fromkeys(name for name in names if name not in NO_CHART)
    panels: list[PanelSpec] = []
    for id, title, wanted, log_y in _KNOWN:
        if id == "reward":
            panels.extend(_reward_panels(left) or [PanelSpec(id, title, ())] * (id in expected))
            continue
        found = tuple(SeriesSpec(name, label, label in ("min", "max")) for name, label in wanted if name in left)
        for series in found:
            del left[series.name]
        if found or id in expected:
            panels.append(PanelSpec(id, title, found, log_y))
    return [*panels, *_other_panels(list(left))]


def _reward_panels(left: dict[str, None]) -> list[PanelSpec]:
    """Every term's mean; min and max get a chart of their own per term, as part of the rest."""
    means = [name for name in left if name.startswith("reward/") and name.endswith("/mean")]
    for name in means:
        del left[name]
    terms = [SeriesSpec(name, plain(name.removeprefix("reward/").removesuffix("/mean"))) for name in means]
    chunks = [terms[start : start + _MOST_REWARD_TERMS] for start in range(0, len(terms), _MOST_REWARD_TERMS)]
    return [
        PanelSpec(f"reward-{number}" if number else "reward", _numbered("reward terms", number), tuple(chunk))
        for number, chunk in enumerate(chunks)
    ]


def _other_panels(names: Sequence[str]) -> list[PanelSpec]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.rpartition("/")[0] or name, []).append(name)
    panels = []
    for prefix, members in groups.items():
        parts = [name.rpartition("/")[2] for name in members]
        for number, start in enumerate(range(0, len(members), _MOST_REWARD_TERMS)):
            series = tuple(
                SeriesSpec(name, plain(part), part in ("min", "max") and "mean" in parts)
                for name, part in zip(members[start:][:_MOST_REWARD_TERMS], parts[start:], strict=False)
            )
            # A single curve has no legend, so the title has to say which one it is.
            shown = prefix if len(members) > 1 or parts[0] == "mean" else members[0]
            panels.append(PanelSpec(f"other:{prefix}:{number}", _numbered(_title(shown), number), series))
    return panels


def _title(prefix: str) -> str:
    # Names come from the run's environment, or from whoever wrote its events.
    return plain(prefix.removeprefix("metric/").replace("/", " · ").replace("_", " "))


def _numbered(title: str, number: int) -> str:
    return f"{title} ({number + 1})" if number else title
