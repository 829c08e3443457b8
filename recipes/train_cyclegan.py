"""Train CycleGAN generators between young and old faces.

    accelerate launch recipes/train_cyclegan.py --faces data/utkface --out runs/cyclegan
    accelerate launch recipes/train_cyclegan.py --config recipes/configs/cyclegan_cpu.json \\
        --faces data/utkface --out runs/cyclegan                       # 64 pixels, narrow: for CPUs
    accelerate launch --multi_gpu --num_processes 4 recipes/train_cyclegan.py --faces … --out …
    ACCELERATE_USE_CPU=1 torchrun --nproc_per_node 2 recipes/train_cyclegan.py --faces … --out …
    python recipes/train_cyclegan.py --faces … --out … --resume        # after a stop, on one device
    python recipes/train_cyclegan.py --faces … --out … --dry-run       # print what would be done
    python recipes/train_cyclegan.py --faces … --out … --start-from pretrained   # not from chance

With --judge RUN, a trained classifier judges held-out faces meanwhile and chooses the best
generators. On CPUs, several processes need torchrun as above: `accelerate launch --cpu
--num_processes 2` starts a single one. A run says how many processes it has.
"""

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.train import train
from agegen.run.cli import run_recipe

if __name__ == "__main__":
    run_recipe(CycleGANConfig, train, __doc__)
