"""The settings of a study's factors: what each changes in a training's config."""

from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

from agegen.classifier.config import TrainConfig, varied_views

Changes = dict[str, Any]
"""Dotted names of fields of a TrainConfig, with their values."""


class Setting(NamedTuple):
    """One value of a factor: its name, its place on the figure's axis (None: no number), and what
    it changes in the base config."""

    label: str
    x: float | None
    changes: Changes


def changed(base: TrainConfig, changes: Changes) -> TrainConfig:
    """Return the config with some fields changed; an impossible value raises UserError."""
    for name, value in changes.items():
        base = with_field(base, name, value)
    return base


def with_field(config: Any, name: str, value: Any) -> Any:
    """Replace one field by its dotted name, in a dataclass of dataclasses."""
    head, _, rest = name.partition(".")
    inner = with_field(getattr(config, head), rest, value) if rest else value
    return replace(config, **{head: inner})


def get_field(config: Any, name: str) -> Any:
    """Return one field by its dotted name."""
    for part in name.split("."):
        config = getattr(config, part)
    return config


def differences(base: Any, other: Any, prefix: str = "") -> Changes:
    """Return the fields in which two configs of one type differ, by dotted name."""
    found: Changes = {}
    for field in fields(base):
        a, b = getattr(base, field.name), getattr(other, field.name)
        if is_dataclass(a):
            found |= differences(a, b, f"{prefix}{field.name}.")
        elif a != b:
            found[prefix + field.name] = b
    return found


def numbers(name: str, values: Callable[[Any], list], least: float = 0) -> Callable:
    """Settings of one numeric field: the base's value and those made from it, ascending."""

    def settings(base: TrainConfig, size: int) -> list[Setting]:
        own = get_field(base, name)
        chosen = sorted({own, *(v for v in values(own) if v >= least)})
        return [Setting(f"{value:g}", value, {name: value}) for value in chosen]

    return settings


def times(*factors: float) -> Callable[[float], list[float]]:
    """Multiples of a value, rounded to three digits."""
    return lambda own: [float(f"{own * factor:.3g}") for factor in factors]


def whole_times(*factors: float) -> Callable[[int], list[int]]:
    """Multiples of a whole number, whole too."""
    return lambda own: [round(own * factor) for factor in factors]


def training_faces(base: TrainConfig, size: int) -> list[Setting]:
    """Shares 1/16 to 1 of the faces, each half of the next; √2 times the epochs at every halving.

    With equal epochs a sixteenth of the faces would get a sixteenth of the steps, and the figure
    would show too short trainings; with equal steps its trials would cost as much as the base.
    """
    settings = []
    for k in range(4, -1, -1):
        share = Fraction(1, 2**k)
        changes = {
            "subset.share": base.subset.share * float(share),
            "epochs": round(base.epochs * 2 ** (k / 2)),
        }
        settings.append(Setting(str(share), float(share), changes))
    return settings


EFFECTS: dict[str, Changes] = {  # each turned off
    "shift": {"augment.shift": 0.0},
    "scale and rotation": {"augment.scale": 0.0, "augment.rotation": 0.0},
    "flip": {"augment.flip": False},
    "colour": {"augment.colour": 0.0},
    "sharpness and grey": {"augment.sharpness": 0.0, "augment.grey": 0.0},
    "erasing": {"augment.erase": 0.0},
}
AUGMENTATION_OFF = {name: off for effect in EFFECTS.values() for name, off in effect.items()}


def augmentation(base: TrainConfig, size: int) -> list[Setting]:
    """None (the same central crop of every face in every epoch), and the base's own, or the
    default one where the base has none."""
    has_own = any(get_field(base, name) for name in AUGMENTATION_OFF)
    default = {f"augment.{field}": value for field, value in asdict(varied_views()).items()}
    on = {} if has_own else {name: default[name] for name in AUGMENTATION_OFF}
    return [Setting("off", None, AUGMENTATION_OFF), Setting("on", None, on)]


def augmentation_effects(base: TrainConfig, size: int) -> list[Setting]:
    """The base without one effect at a time, with shift and flip only, and as it is."""
    settings = [Setting(f"without {name}", None, effect) for name, effect in EFFECTS.items()]
    kept = ("augment.shift", "augment.flip")
    only = {name: value for name, value in AUGMENTATION_OFF.items() if name not in kept}
    return [*settings, Setting("shift and flip only", None, only), Setting("all", None, {})]


def crop(base: TrainConfig, size: int) -> list[Setting]:
    """Sides from 64 % of the faces to all of them."""
    sides = {round(share * size) for share in (0.64, 0.8, 0.88, 1.0)} | {base.augment.crop}
    return [
        Setting(str(side), side, {"augment.crop": side}) for side in sorted(sides) if side >= 32
    ]


def width(base: TrainConfig, size: int) -> list[Setting]:
    """Half, the same and twice the channels in every stage."""
    each = [tuple(max(round(w * factor), 1) for w in base.model.widths) for factor in (0.5, 1, 2)]
    return [Setting("–".join(map(str, w)), w[-1], {"model.widths": w}) for w in each]


def only_residual(settings: Callable) -> Callable:
    """Refuse networks that do not have this setting."""

    def checked(base: TrainConfig, size: int) -> list[Setting]:
        return settings(base, size) if base.model.name == "residual" else []

    return checked


def optimizer(base: TrainConfig, size: int) -> list[Setting]:
    """The base's own, and the other one with rates and a decay that are usual for it."""
    own = {"adamw": "AdamW", "sgd": "SGD"}
    sgd = [("sgd", rate, 5e-4) for rate in (0.03, 0.1, 0.3)]
    adamw = [("adamw", rate, 0.5) for rate in (5e-4, 2e-3, 8e-3)]
    settings = [Setting(f"{own[base.optimizer]} {base.learning_rate:g}", None, {})]
    for name, rate, decay in sgd if base.optimizer == "adamw" else adamw:
        changes = {"optimizer": name, "learning_rate": rate, "weight_decay": decay}
        settings.append(Setting(f"{own[name]} {rate:g}", None, changes))
    return settings


def class_balance(base: TrainConfig, size: int) -> list[Setting]:
    """With and without weights for the classes."""
    balance = {"no": False, "yes": True}
    return [Setting(name, None, {"class_balance": on}) for name, on in balance.items()]
