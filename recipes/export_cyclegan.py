"""Export a trained generator to ONNX: 8-bit images in, 8-bit images out, checked against PyTorch.

    python recipes/export_cyclegan.py --run runs/cyclegan --to old --out to_old.onnx
    python recipes/export_cyclegan.py --run runs/cyclegan --to young --weights best --out young.onnx

Needs the extra export (pip install 'agegen[export]').
"""

from agegen.cyclegan.export import ExportConfig, export_generator
from agegen.run.cli import run_recipe

if __name__ == "__main__":
    run_recipe(ExportConfig, export_generator, __doc__)
