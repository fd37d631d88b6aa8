"""Let `import torchvision` work where its compiled part cannot load: a CUDA wheel of it beside a CPU build of torch.

Package registries carry one torchvision wheel for Linux, and it is built against CUDA. Beside a CPU torch its compiled
operators cannot load, and the import dies because two of them (nms and its quantised twin) are decorated without a
check that they exist. Nothing in this course calls them, so declaring their schemas is enough.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared = []  # a torch Library takes its declarations with it when it is collected


def _prepare(package: Path) -> None:
    """Load torchvision's operators, or declare the two that its import looks up."""
    import torch

    for library in [*package.glob("_C*.so"), *package.glob("_C*.pyd")]:
        try:
            torch.ops.load_library(str(library))
            return
        except OSError:
            pass
    declarations = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.split("(")[0]):
            declarations.define(schema)
    _declared.append(declarations)


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name == "torchvision" else None
        if spec is not None and spec.loader is not None and spec.origin:
            execute = spec.loader.exec_module

            def prepared(module):
                _prepare(Path(spec.origin).parent)
                execute(module)

            spec.loader.exec_module = prepared
        return spec


def install() -> None:
    """Prepare for the first `import torchvision`; costs nothing until then, and nothing where all is well."""
    if "torchvision" not in sys.modules and _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
