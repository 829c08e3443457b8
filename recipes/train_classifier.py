"""Train a CNN to tell young faces from old ones.

    accelerate launch recipes/train_classifier.py --faces data/utkface --out runs/utkface
    accelerate launch --multi_gpu --num_processes 4 recipes/train_classifier.py --faces … --out …
    ACCELERATE_USE_CPU=1 torchrun --nproc_per_node 2 recipes/train_classifier.py --faces … --out …
    python recipes/train_classifier.py --faces … --out … --resume      # after a stop, on one device
    python recipes/train_classifier.py --faces … --out … --dry-run     # print what would be done
    python recipes/train_classifier.py --faces … --out … --start-from pretrained   # not from chance

On CPUs, several processes need torchrun as above: `accelerate launch --cpu --num_processes 2`
starts a single one. A run says how many processes it has.
--config FILE reads the values that differ from the defaults from a JSON file.
"""

from accelerate import PartialState

from agegen.classifier.config import TrainConfig
from agegen.classifier.train import train
from agegen.photos.needs import keep_needs
from agegen.run.cli import run_recipe


def main(config: TrainConfig) -> None:
    """Train, then measure what classifying photos needs, so that the run can without its store."""
    if train(config) and PartialState().is_main_process:
        keep_needs(config.out)


if __name__ == "__main__":
    run_recipe(TrainConfig, main, __doc__)
