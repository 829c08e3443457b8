"""The state of a CycleGAN's training on disk: begin, save, resume, go back."""

import torch
from torch import nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.features import name_trunk
from agegen.cyclegan.objective import Objective
from agegen.cyclegan.pairing import FILE as PAIRING
from agegen.cyclegan.pairing import choose_pairing, write_pairing
from agegen.cyclegan.start import Start
from agegen.cyclegan.training import FROZEN, Training, frozen_weights, load_weights, read_frozen
from agegen.cyclegan.translate import LAST
from agegen.faces.geometry import read_geometry, write_geometry
from agegen.run.devices import load_scaler, precision_of, scaler_state
from agegen.run.distributed import open_together, require_shared
from agegen.run.errors import UserError
from agegen.run.folder import Checkpoint
from agegen.run.own_class import checksums
from agegen.run.tensor_files import (
    Tensors,
    load_optimizer_tensors,
    optimizer_tensors,
    save_tensors,
)
from agegen.run.trackers import Trackers


def begin(training: Training, config: CycleGANConfig, start: Start) -> Checkpoint:
    """Open the run folder; restore its last checkpoint or write a first one.

    Raises:
        UserError: the folder is not fit, not every process sees it, or the networks have other
            layers than those in it.
    """
    accelerator, store, run = training.accelerator, training.store, training.run
    facts: dict = {
        "data": {
            "checksum": store.checksum, "size": store.size, "counts": store.info["counts"]
        }
    }  # fmt: skip
    facts |= start.facts
    if config.discriminator.name == "features":
        facts["trunk"] = name_trunk(config.discriminator.trunk)

    def start_run() -> None:
        file = run.folder / PAIRING
        groups = choose_pairing(file, store, config.sharpest, config.balance)  # may be refused
        run.start(
            config, facts, config.resume,
            processes=accelerator.num_processes, precision=precision_of(accelerator),
            **checksums(own_names(config)),
        )  # fmt: skip
        geometry = read_geometry(store.folder, store.checksum)
        if geometry:  # so that photos can be translated without the store
            write_geometry(run.folder, geometry)
        write_pairing(file, groups)

    checkpoint = open_together(run, start_run)
    if config.log_with and run.main:
        run.trackers = Trackers(config, run.folder, checkpoint.step if checkpoint else 0)
    if checkpoint is None:
        keep_frozen(training)
        save(training, 0, 1.0)
        require_shared(run)
        if start.note:
            accelerator.print(start.note)
        checkpoint = Checkpoint(0, {}, {"rate_factor": 1.0})
    else:
        restore(training, config, checkpoint)
        accelerator.print(f"going on with {config.out} after step {checkpoint.step:,}")
    accelerator.print(
        f"{accelerator.num_processes} process(es) on {accelerator.device.type}, "
        f"{precision_of(accelerator)}, {torch.get_num_threads()} threads each; "
        f"{config.total_steps:,} steps of {config.batch_size} pairs of {config.size} pixels"
    )
    return checkpoint


def networks_of(training: Training) -> dict[str, nn.Module]:
    """Generators and discriminators as they were built, by name."""
    unwrap = training.accelerator.unwrap_model
    return {kind: unwrap(getattr(training, kind)) for kind in ("generators", "discriminators")}


def keep_frozen(training: Training) -> None:
    """Write what the networks' classes have frozen, once; checkpoints leave it out."""
    frozen = {
        f"{kind}.{name}": weight
        for kind, network in networks_of(training).items()
        for name, weight in frozen_weights(network).items()
    }
    if frozen and training.accelerator.is_main_process:
        save_tensors(training.run.folder / FROZEN, frozen)


def trained_state(network: nn.Module) -> Tensors:
    """What a checkpoint keeps of a network: all but its frozen parameters."""
    frozen = frozen_weights(network)
    return {name: t for name, t in network.state_dict().items() if name not in frozen}


def own_names(config: CycleGANConfig) -> list[str]:
    """What in a config may be of the user's own."""
    return [config.generator.name, config.discriminator.name, config.objective, config.gan_loss]


def roll_back(training: Training, config: CycleGANConfig, begun_from: Checkpoint) -> Checkpoint:
    """Return to the last checkpoint, at half the rate from there on.

    Args:
        training: what takes part.
        config: fitted to the store.
        begun_from: where the loop that failed began.

    Raises:
        UserError: the rate was lowered before.
    """
    if begun_from.state["rate_factor"] < 1:
        raise UserError(
            f"losses or weights are not finite in {config.out} even at half the rate: "
            "try a lower --learning-rate or --precision float32"
        )
    training.accelerator.wait_for_everyone()
    checkpoint = training.run.latest_checkpoint()
    assert checkpoint is not None
    if training.accelerator.is_main_process:
        training.run.cut_metrics(checkpoint.step)
    restore(training, config, checkpoint)
    training.accelerator.print(f"going back to step {checkpoint.step:,}, at half the rate")
    return checkpoint._replace(state=checkpoint.state | {"rate_factor": 0.5})


def restore(training: Training, config: CycleGANConfig, checkpoint: Checkpoint) -> None:
    """Load networks, averages, optimisers, loss scale and pools; all else follows from the step.

    Raises:
        UserError: the networks have other layers now.
    """
    tensors, run = checkpoint.tensors, training.run.folder
    where = f"the checkpoint of step {checkpoint.step} in {training.run.folder}"
    own = {"generators": config.generator.name, "discriminators": config.discriminator.name}
    for kind, network in networks_of(training).items():
        load_weights(network, read_frozen(run, kind) | tensors[kind], where, own[kind])
    training.averaged.load_state_dict(tensors["averaged"])
    load_optimizer_tensors(training.generator_optimizer, tensors["generator_optimizer"])
    load_optimizer_tensors(training.discriminator_optimizer, tensors["discriminator_optimizer"])
    load_scaler(training.accelerator, checkpoint.state.get("scaler"))
    for name, buffer in own_buffers(training.objective).items():
        buffer.copy_(tensors["objective"][name])
    training.pool_old.load(tensors.get("pool_old", {}), training.accelerator.device)
    training.pool_young.load(tensors.get("pool_young", {}), training.accelerator.device)


def own_buffers(objective: Objective) -> Tensors:
    """The state of an objective; ours has none."""
    return dict(objective.named_buffers(recurse=False))


def save(training: Training, step: int, rate_factor: float) -> None:
    """Write the averaged generators for use, and then a checkpoint; untrained ones are of no use.

    In that order a run that is killed in between writes both again.
    """
    averaged = training.averaged
    if step and training.accelerator.is_main_process:
        save_tensors(training.run.folder / f"{LAST}.safetensors", averaged.module.state_dict())
    training.run.save_checkpoint(
        step,
        {
            **{kind: trained_state(network) for kind, network in networks_of(training).items()},
            "averaged": averaged.state_dict(),
            "generator_optimizer": optimizer_tensors(training.generator_optimizer),
            "discriminator_optimizer": optimizer_tensors(training.discriminator_optimizer),
            "pool_old": training.pool_old.tensors(),
            "pool_young": training.pool_young.tensors(),
            **({"objective": state} if (state := own_buffers(training.objective)) else {}),
        },
        {"rate_factor": rate_factor, "scaler": scaler_state(training.accelerator)},
    )
    training.accelerator.wait_for_everyone()
