"""The factors of a study: what each one does, and why it may matter."""

from collections.abc import Callable
from typing import NamedTuple

from agegen.analysis.study import settings
from agegen.classifier.config import TrainConfig
from agegen.run.errors import UserError


class Factor(NamedTuple):
    """Something that is varied while all else stays as in the base config.

    `settings` are made of a base config and the side of the store's faces in pixels; the base's own
    value is among them.
    """

    title: str  # its name in words
    axis: str  # name of the figure's axis, with unit
    does: str  # and why it may matter: mechanism, not results
    settings: Callable[[TrainConfig, int], list[settings.Setting]]


FACTORS = {
    "training_faces": Factor(
        "Number of training faces", "training faces",
        "More faces show more of what is common to an age and less of what is peculiar to a "
        "person, so that the network has less to gain from learning faces by heart. Smaller sets "
        "are parts of larger ones, and are trained √2 times as many epochs at each halving, "
        "which is 1/√2 times as many steps.",
        settings.training_faces,
    ),
    "augmentation": Factor(
        "Augmentation", "random views",
        "Every time that a face is shown it is shifted, turned, mirrored, recoloured and partly "
        "covered anew: differences that do not change its age. The network cannot rely on exact "
        "pixels, which counts most when the same faces come round often; in a short training it "
        "mainly makes the task harder. Off, every face is shown as the same central crop.",
        settings.augmentation,
    ),
    "augmentation_effects": Factor(
        "Parts of the augmentation", "random views",
        "One effect at a time is left out of the random views. What is missed most teaches the "
        "network an invariance that it does not have of itself; an effect that takes away what "
        "tells ages apart (the texture of skin, say) costs accuracy instead.",
        settings.augmentation_effects,
    ),
    "learning_rate": Factor(
        "Learning rate", "highest learning rate",
        "It scales every step of the optimiser. Too low, and the schedule ends before the "
        "minimum is reached; too high, and steps overshoot, or the loss diverges. In between, a "
        "higher rate adds noise that keeps the weights out of narrow minima.",
        settings.numbers("learning_rate", settings.times(0.1, 1 / 3, 3, 10)),
    ),
    "batch_size": Factor(
        "Batch size", "faces per step",
        "A larger batch averages the gradient over more faces, so that it has less noise, but an "
        "epoch then has fewer steps. Learning rate and epochs stay as they are: the figure "
        "therefore compares few exact steps with many noisy ones. Batch norm's statistics also "
        "become exacter.",
        settings.numbers("batch_size", settings.whole_times(0.25, 0.5, 2, 4), least=4),
    ),
    "weight_decay": Factor(
        "Weight decay", "weight decay",
        "Every step shrinks the weights towards 0 by this, times the learning rate. It limits "
        "how strongly single features can be weighed and so works against learning by heart; "
        "before a batch norm it acts by keeping the effective learning rate up (van Laarhoven, "
        "2017). Too much of it outweighs the gradient.",
        settings.numbers(
            "weight_decay", lambda own: [0.0, *settings.times(0.1, 0.3, 3)(own or 0.05)]
        ),
    ),
    "label_smoothing": Factor(
        "Label smoothing", "probability mass taken from the label",
        "The network is asked for less than certainty, so that it does not gain by ever larger "
        "logits, and a wrong label costs it less (Szegedy et al., 2016). The price is that its "
        "probabilities are too timid before temperature scaling, which the NLL shows.",
        settings.numbers("label_smoothing", lambda own: [0.0, 0.05, 0.1, 0.2, 0.3]),
    ),
    "crop": Factor(
        "Crop size", "side of the views (pixels)",
        "How much of the stored face the network sees. A small crop costs less time and leaves "
        "room to shift it; a large one shows hair, chin and neck, which tell of age too, and the "
        "background, which does not.",
        settings.crop,
    ),
    "width": Factor(
        "Width", "channels of the last stage",
        "More channels hold more features side by side. Parameters and time grow with the "
        "square; so does what can be learnt by heart.",
        settings.width,
    ),
    "blocks": Factor(
        "Depth", "residual blocks per stage",
        "More layers compose features of features and see a larger part of the face. Residual "
        "connections keep their gradients alive, but every block costs time and needs steps to "
        "be of use.",
        settings.only_residual(settings.numbers("model.blocks", lambda own: [1, 2, 3, own + 1])),
    ),
    "squeeze": Factor(
        "Squeeze-and-excitation", "1/n of the channels in the gates (0: none)",
        "Gates computed from the whole view scale the channels of every block, so that what is "
        "seen in one place (grey hair, say) can turn up the features that matter elsewhere (Hu "
        "et al., 2018).",
        settings.only_residual(settings.numbers("model.squeeze", lambda own: [0, 4, 8, 16])),
    ),
    "epochs": Factor(
        "Epochs", "passes over the training faces",
        "More passes mean more steps, and a learning rate that falls more slowly. The gain "
        "shrinks as the training faces are learnt, and from some point on only their "
        "peculiarities are left to learn.",
        settings.numbers("epochs", settings.whole_times(0.5, 2, 4), least=1),
    ),
    "optimizer": Factor(
        "Optimiser", "optimiser and its highest learning rate",
        "SGD with momentum steps along the averaged gradient; AdamW divides it by its own "
        "running size for every weight, so that one learning rate suits all layers. SGD needs "
        "its rate found, and its weight decay is part of the gradient; therefore several rates, "
        "with a decay that is usual for it.",
        settings.optimizer,
    ),
    "class_balance": Factor(
        "Class balance", "loss weighed by class",
        "Weights make both classes count the same in the loss. Without, the larger class is "
        "favoured when in doubt: accuracy may rise, while balanced accuracy falls; the order of "
        "the faces, and with it the AUC, need not change.",
        settings.class_balance,
    ),
}  # fmt: skip


def settings_of(name: str, base: TrainConfig, size: int) -> list[settings.Setting]:
    """Return the settings of a factor that make sense for a base config.

    Their `changes` hold only what differs from the base, and nothing does in exactly one of them.
    A factor without effect on this base (the depth of a network that has none) has no settings.
    """
    if name not in FACTORS:
        raise UserError(f"no factor is named {name}; there are {', '.join(FACTORS)}")
    found: list[settings.Setting] = []
    for setting in FACTORS[name].settings(base, size):
        changes = settings.differences(base, settings.changed(base, setting.changes))
        found = [other for other in found if other.changes != changes]
        found.append(setting._replace(changes=changes))
    return found if any(setting.changes for setting in found) else []
