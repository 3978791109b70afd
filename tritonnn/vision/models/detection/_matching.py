"""Which true box each prediction is to learn, and which predictions learn at all."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor

__all__ = ["BalancedPositiveNegativeSampler", "Matcher", "SSDMatcher"]


class Matcher:
    """Gives each prediction the true box that it fits best, if it fits well enough.

    Args:
        high_threshold: from this quality on, a prediction belongs to its best true box.
        low_threshold: below this quality it is background; in between it is left out of the training.
        allow_low_quality_matches: the predictions that fit a true box best belong to theirs whatever the quality.

    Called with the qualities, [true boxes, predictions], such as `box_iou` gives them, it returns for each prediction
    the row of its true box, or `BELOW_LOW_THRESHOLD`, or `BETWEEN_THRESHOLDS`.

    >>> import tritonnn as torch
    >>> Matcher(0.7, 0.3)(torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.2, 0.1]]))
    tensor([ 0, -1, -2])
    """

    __module__ = "tritonnn.vision.models.detection._utils"  # where torchvision has it

    BELOW_LOW_THRESHOLD = -1
    BETWEEN_THRESHOLDS = -2

    def __init__(
        self, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False
    ) -> None:
        torch._assert(low_threshold <= high_threshold, "low_threshold should be <= high_threshold")
        self.high_threshold = high_threshold
        self.low_threshold = low_threshold
        self.allow_low_quality_matches = allow_low_quality_matches

    def __call__(self, match_quality_matrix: Tensor) -> Tensor:
        if match_quality_matrix.numel() == 0:
            what = "proposal" if match_quality_matrix.shape[0] else "ground-truth"
            raise ValueError(f"No {what} boxes available for one of the images during training")
        quality, best = match_quality_matrix.max(dim=0)
        matches = best.masked_fill(quality < self.high_threshold, self.BETWEEN_THRESHOLDS)
        matches = matches.masked_fill(quality < self.low_threshold, self.BELOW_LOW_THRESHOLD)
        if self.allow_low_quality_matches:
            self.set_low_quality_matches_(matches, best, match_quality_matrix)
        return matches

    def set_low_quality_matches_(
        self, matches: Tensor, all_matches: Tensor, match_quality_matrix: Tensor
    ) -> None:
        """Write into `matches` the entry of `all_matches` of every prediction that fits some true box best.

        Ties count: a true box may keep several predictions. A prediction kept for one true box still gets the one that
        it fits best itself, which may be another.
        """
        best_of_each = match_quality_matrix.amax(dim=1, keepdim=True)
        kept = (match_quality_matrix == best_of_each).any(dim=0)
        matches.copy_(torch.where(kept, all_matches, matches))


class SSDMatcher(Matcher):
    """A `Matcher` with one threshold, in which every true box also gets the prediction that fits it best.

    >>> import tritonnn as torch
    >>> SSDMatcher(0.5)(torch.tensor([[0.9, 0.1, 0.6], [0.2, 0.3, 0.1]]))
    tensor([0, 1, 0])
    """

    __module__ = "tritonnn.vision.models.detection._utils"  # where torchvision has it

    def __init__(self, threshold: float) -> None:
        super().__init__(threshold, threshold, allow_low_quality_matches=False)

    def __call__(self, match_quality_matrix: Tensor) -> Tensor:
        matches = super().__call__(match_quality_matrix)
        best_predictions = match_quality_matrix.argmax(dim=1)
        matches[best_predictions] = torch.arange(len(best_predictions), device=matches.device)
        return matches


class BalancedPositiveNegativeSampler:
    """Draws predictions to learn from: a number for each image, of which at most a part are positive.

    Args:
        batch_size_per_image: how many of an image are drawn.
        positive_fraction: the part of them that may be positive; negatives fill the rest.

    Called with a list of labels (0: negative, from 1: positive, below 0: never drawn), one tensor for each image, it
    returns two lists of uint8 masks: the positives and the negatives that were drawn.

    >>> import tritonnn as torch
    >>> positive, negative = BalancedPositiveNegativeSampler(4, 0.5)([torch.tensor([1, 0, 0, 0, -1, 0])])
    >>> positive[0], negative[0].sum()
    (tensor([1, 0, 0, 0, 0, 0], dtype=torch.uint8), tensor(3))
    """

    __module__ = "tritonnn.vision.models.detection._utils"  # where torchvision has it

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction

    def __call__(self, matched_idxs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        drawn = [self._draw(labels) for labels in matched_idxs]
        return [positive for positive, _ in drawn], [negative for _, negative in drawn]

    def _draw(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        positive = torch.where(labels >= 1)[0]
        negative = torch.where(labels == 0)[0]
        positives = min(len(positive), int(self.batch_size_per_image * self.positive_fraction))
        negatives = min(len(negative), self.batch_size_per_image - positives)
        return _some(labels, positive, positives), _some(labels, negative, negatives)


def _some(labels: Tensor, candidates: Tensor, count: int) -> Tensor:
    """A mask over `labels` of `count` of the `candidates`, which are positions."""
    chosen = candidates[torch.randperm(len(candidates), device=candidates.device)[:count]]
    mask = torch.zeros_like(labels, dtype=torch.uint8)
    mask[chosen] = 1
    return mask
