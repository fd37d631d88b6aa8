"""Which colours are free, and whether a guess knows it."""

import torch.nn.functional as F
from torch import Tensor

from course_lib.data import Split
from course_lib.data.world.scene import SEMANTICS
from course_lib.errors import CourseError


def freedom(data: Split, cells: int) -> dict[str, Tensor]:
    """Which cells of scenes of the world may have any colour: masks N x cells x cells, by name.

    `free` and `fixed` are cells on the surfaces that some scenes lie on: walls, cloth and stone of any colour; leaves, which
    are green. `natural` are all cells whose colour belongs to the thing, land and sky among them: ground of ten kinds, much
    alike in grey. `two` are birds of one of two colours, whose mean is brown. A cell counts if all of its pixels agree.

    Raises:
        CourseError: the data does not know.
    """
    if "ambiguity" not in data.annotations:
        raise CourseError("Which colours are free is known in scenes of the data set 'world' only; these samples do not say.")
    ambiguity, semantics = data.annotations["ambiguity"], data.annotations["semantics"]

    def all_of(mask: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(mask.float()[:, None], cells)[:, 0] == 1

    surface = all_of(semantics == SEMANTICS.index("surface"))
    natural = all_of(ambiguity == 0)
    free, two = surface & all_of(ambiguity > 0), all_of(ambiguity == 2)
    return {"free": free, "fixed": surface & natural, "natural": natural, "two": two}


def finds(score: Tensor, free: Tensor, fixed: Tensor) -> float:
    """How well a score (N x h x w) tells free cells from fixed ones: the area under the ROC curve, 0.5 for guessing.

    Raises:
        CourseError: there are none of one kind.
    """
    from sklearn.metrics import roc_auc_score

    if not free.any() or not fixed.any():
        raise CourseError("To tell free colours from fixed ones takes some of both, and these pictures have one kind only.")
    asked = free | fixed
    return float(roc_auc_score(free[asked].cpu().numpy(), score[asked].float().cpu().numpy()))
