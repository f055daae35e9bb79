"""The schema's fields as people meet them: one `FormField` per dotted path, with its rule in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from motrix_core.config.schema import RunConfig
from motrix_core.config.setting import PATH_RULE
from motrix_core.envs.names import ENV_RULE

Kind = Literal["int", "float", "bool", "choice", "sizes", "text"]

# The order of the form's tabs.
GROUPS = ("Budget", "Rollout", "Optimise", "Loss", "Network", "Run")


@dataclass(frozen=True)
class FormField:
    """One value of a configuration.

    `lower` and `upper` are inclusive (of each size, for kind "sizes"); `choices` is empty unless kind is
    "choice"; `none_text` is how None is written, "" where None is not allowed; `default` is the schema's, which
    an environment's own hyperparameters may replace.
    """

    path: str
    title: str
    help: str
    unit: str
    group: str
    kind: Kind
    choices: tuple[str, ...]
    lower: float | None
    upper: float | None
    advanced: bool
    none_text: str
    only: str
    default: Any

    @property
    def name(self) -> str:
        """The path's last part: `learning_rate` of `ppo.learning_rate`."""
        return self.path.rpartition(".")[2]

    @property
    def rule(self) -> str:
        """What a value must be, as an error says it."""
        if self.only:
            return f"must be {number_text(self.lower)}: {self.only}"
        if self.kind == "bool":
            return "must be true or false"
        if self.kind == "choice":
            return f"must be one of {', '.join(self.choices)}"
        if self.kind == "text":
            return ENV_RULE if self.path == "env" else PATH_RULE
        span = f"from {number_text(self.lower)} to {number_text(self.upper)}"
        if self.kind == "sizes":
            return f"must be 1 to 16 layer sizes {span}, like 256-128-64"
        noun = "a whole number" if self.kind == "int" else "a number"
        return f"must be {noun} {span}" + (f", or {self.none_text}" if self.none_text else "")


@cache
def known_fields() -> Mapping[str, FormField]:
    """Every field by its path, in the schema's order; `env_options` is open and not among them."""
    return MappingProxyType({path: _form_field(path, info) for path, info in _field_infos().items()})


@cache
def form_fields() -> tuple[FormField, ...]:
    """The fields of the form, tab by tab. `env`, `backend` and `sim` are chosen beside the form."""
    inside = [field for field in known_fields().values() if "." in field.path]
    return tuple(sorted(inside, key=lambda field: GROUPS.index(field.group)))


def field_at(path: str) -> FormField:
    """The field at `path`. Raises `KeyError` for a path that is not in the schema."""
    return known_fields()[path]


@cache
def adapter(path: str) -> TypeAdapter[Any]:
    """Validates one typed value of the field at `path`, apart from all others."""
    info = _field_infos()[path]
    shape: Any = Annotated[info.annotation, info]  # pyright: ignore[reportInvalidTypeForm]
    return TypeAdapter(shape)


def number_text(value: float | None) -> str:
    """The shortest usual spelling: 2048, 0.99, 3e-4, 1e9. Reads back as exactly the same number."""
    if value is None:
        return "none"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):
        return repr(value)
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return "-0" if sign else "0"
    exponent += len(digits) - len(significant)
    power = exponent + len(significant) - 1
    minus = "-" if sign else ""
    if -2 <= power < 9:
        return minus + f"{Decimal((0, tuple(map(int, significant)), exponent)):f}"
    fraction = f".{significant[1:]}" if len(significant) > 1 else ""
    scientific = f"{minus}{significant[0]}{fraction}e{power}"
    plain = repr(value)
    return plain if isinstance(value, int) and len(plain) <= len(scientific) + 2 else scientific


@cache
def _field_infos() -> Mapping[str, FieldInfo]:
    infos: dict[str, FieldInfo] = {}
    for name, info in RunConfig.model_fields.items():
        model = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            infos.update({f"{name}.{inner}": item for inner, item in model.model_fields.items()})
        elif name != "env_options":
            infos[name] = info
    return MappingProxyType(infos)


def _form_field(path: str, info: FieldInfo) -> FormField:
    extra: dict[str, Any] = dict(info.json_schema_extra) if isinstance(info.json_schema_extra, dict) else {}
    kind, choices = _kind(info.annotation)
    return FormField(
        path=path,
        title=info.title or path,
        help=info.description or "",
        unit=extra.get("unit", ""),
        group=extra.get("group", "Run"),
        kind=kind,
        choices=choices,
        lower=extra.get("lower"),
        upper=extra.get("upper"),
        advanced=extra.get("advanced", False),
        none_text=extra.get("none_text") or "",
        only=extra.get("only") or "",
        default=None if info.is_required() else info.default,
    )


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation)
    if get_origin(annotation) is tuple:
        return "sizes", ()
    types: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    for candidate in (annotation, *get_args(annotation)):
        plain = get_args(candidate)[0] if get_origin(candidate) is Annotated else candidate
        if plain in types:
            return types[plain], ()
    raise TypeError(f"no form for a field of type {annotation!r}")
