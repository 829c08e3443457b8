"""A CycleGAN's training that starts from trained weights."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig, blocks_of
from agegen.cyclegan.objective import build_discriminators
from agegen.cyclegan.training import load_weights, read_frozen
from agegen.cyclegan.translate import load_translator
from agegen.run.configs import from_plain
from agegen.run.files import read_json
from agegen.run.folder import Run
from agegen.run.start import Origin, adopted, checksums, find_origin
from agegen.run.tensor_files import Tensors, load_tensors


class Start(NamedTuple):
    """What a training begins with; nothing of it where it begins by chance, or is under way.

    Attributes:
        generators: weights of both.
        discriminators: weights of both; None where the start has none that fit.
        facts: for config.json.
        note: to be said.
    """

    generators: Tensors | None
    discriminators: Tensors | None
    facts: dict
    note: str


NOTHING = Start(None, None, {}, "")


def with_start(config: CycleGANConfig) -> tuple[CycleGANConfig, Start]:
    """Find what a training starts from, and take size and networks over.

    Args:
        config: as asked for, not yet fitted to the store.

    Raises:
        UserError: the start is no run of a CycleGAN or is damaged, `out` lies in it, or other
            generators were asked for.
    """
    origin = find_origin(config.start_from, config.out, config.resume, "cyclegan")
    if origin is None:
        return config, NOTHING
    if origin.under_way:
        file = origin.run / "config.json"
        found = from_plain(CycleGANConfig, read_json(file)["config"], file)
        return taken_over(config, found, origin), NOTHING
    translator = load_translator(origin.run, device="cpu")
    config = taken_over(config, translator.config, origin)
    files = [origin.run / f"{translator.weights}.safetensors"]
    note = f"starts from the generators of {origin.named} ({files[0].name}), "
    kept = discriminators_of(origin.run)
    fits = kept is not None and config.discriminator == translator.config.discriminator
    discriminators = load_discriminators(kept, config) if kept and fits else None
    if kept and fits:
        files.append(kept)
        note += "and from its discriminators"
    else:
        why = "has none" if kept is None else "has others"
        note += f"which {why}: discriminators begin by chance"
        note += "" if config.head_start else ", and --head-start 400 would let them learn first"
    start = translator.generators.state_dict()
    return config, Start(start, discriminators, checksums(*files), note)


def taken_over(config: CycleGANConfig, found: CycleGANConfig, origin: Origin) -> CycleGANConfig:
    """The config with the start's size and networks, where it asks for none of its own."""
    blocks = blocks_of(found.generator, found.size)
    generator = replace(found.generator, blocks=blocks)
    asked = config.generator
    if asked != GeneratorConfig():
        asked = replace(asked, blocks=asked.blocks or blocks)
    own = config.discriminator != DiscriminatorConfig()
    return replace(
        config,
        start_from=origin.named,
        size=config.size or found.size,
        generator=adopted(asked, GeneratorConfig(), generator, "generator", origin),
        discriminator=config.discriminator if own else found.discriminator,
    )


def discriminators_of(run: Path) -> Path | None:
    """The file of a run's last discriminators; None where it was packed without them."""
    file = (Run(run).checkpoints() or [run])[-1] / "discriminators.safetensors"
    return file if file.exists() else None


def load_discriminators(file: Path, config: CycleGANConfig) -> Tensors:
    """Read discriminators' weights.

    Raises:
        UserError: the file is damaged, or of other networks.
    """
    run = next((at.parent for at in file.parents if at.name == "checkpoints"), file.parent)
    weights = read_frozen(run, "discriminators") | load_tensors(file)
    load_weights(build_discriminators(config), weights, file, config.discriminator.name)
    return weights
