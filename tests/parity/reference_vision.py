"""torchvision beside PyTorch, as oracle for `tritonnn.vision`.

Its native operators do not load where the two were built for different devices. The Python part, which is most of it,
only asks that they are declared; they are then declared here, and calling one raises NotImplementedError.
"""

from __future__ import annotations

import importlib

import torch

SCHEMAS = """
nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor
qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor
roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, \
int sampling_ratio, bool aligned) -> Tensor
_roi_align_backward(Tensor grad, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, \
SymInt batch_size, SymInt channels, SymInt height, SymInt width, int sampling_ratio, bool aligned) -> Tensor
ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, \
int sampling_ratio) -> (Tensor, Tensor)
_ps_roi_align_backward(Tensor grad, Tensor rois, Tensor channel_mapping, float spatial_scale, SymInt pooled_height, \
SymInt pooled_width, int sampling_ratio, SymInt batch_size, SymInt channels, SymInt height, SymInt width) -> Tensor
roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)
_roi_pool_backward(Tensor grad, Tensor rois, Tensor argmax, float spatial_scale, SymInt pooled_height, \
SymInt pooled_width, SymInt batch_size, SymInt channels, SymInt height, SymInt width) -> Tensor
ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) \
-> (Tensor, Tensor)
_ps_roi_pool_backward(Tensor grad, Tensor rois, Tensor channel_mapping, float spatial_scale, SymInt pooled_height, \
SymInt pooled_width, SymInt batch_size, SymInt channels, SymInt height, SymInt width) -> Tensor
deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, \
SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, \
bool use_mask) -> Tensor
_deform_conv2d_backward(Tensor grad, Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, \
SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, \
SymInt offset_groups, bool use_mask) -> (Tensor, Tensor, Tensor, Tensor, Tensor)
""".strip().splitlines()

try:
    torchvision = importlib.import_module("torchvision")
    NATIVE = True
except RuntimeError:  # operator torchvision::nms does not exist
    _declared = torch.library.Library("torchvision", "FRAGMENT")
    for _schema in SCHEMAS:
        _declared.define(_schema)
    torchvision = importlib.import_module("torchvision")
    NATIVE = False


def _nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """The textbook's loop: the best box is kept, and those that overlap it too much are removed."""
    x1, y1, x2, y2 = dets.unbind(1)
    areas = (x2 - x1) * (y2 - y1)
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        width = (torch.minimum(x2[best], x2[order]) - torch.maximum(x1[best], x1[order])).clamp(min=0)
        height = (torch.minimum(y2[best], y2[order]) - torch.maximum(y1[best], y1[order])).clamp(min=0)
        shared = width * height
        order = order[~(shared / (areas[best] + areas[order] - shared) > iou_threshold)]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)


def _roi_align_of_one(
    picture: torch.Tensor, box: torch.Tensor, size: tuple[int, int], ratio: int
) -> torch.Tensor:
    """The means of bilinear samples in the bins of a box; samples more than 1 outside of the picture are 0."""
    _, height, width = picture.shape
    weights = []
    for low, high, bins, extent in ((box[1], box[3], size[0], height), (box[0], box[2], size[1], width)):
        samples = ratio if ratio > 0 else max(1, int(torch.ceil((high - low) / bins)))
        at = low + (torch.arange(bins * samples, dtype=box.dtype) + 0.5) * ((high - low) / bins / samples)
        inside = (at >= -1) & (at <= extent)
        at = at.clamp(0, extent - 1)
        hats = (1 - (at[:, None] - torch.arange(extent)).abs()).clamp(min=0) * inside[:, None]
        weights.append(hats.view(bins, samples, extent).mean(dim=1))
    return torch.einsum("chw,yh,xw->cyx", picture, *weights)


def _roi_align(input, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned):
    """What the native one computes. torchvision's own in Python has other values beyond the edges of the picture."""
    size = pooled_height, pooled_width
    if not len(rois):
        return input.sum() * 0 + input.new_zeros(0, input.shape[1], *size)
    out = []
    for index, *corners in rois:
        box = torch.stack(corners) * spatial_scale - (0.5 if aligned else 0.0)
        if not aligned:
            box = torch.cat((box[:2], torch.maximum(box[2:], box[:2] + 1)))
        out.append(_roi_align_of_one(input[int(index)], box, size, sampling_ratio))
    return torch.stack(out)


if not NATIVE:
    _declared.impl("nms", _nms, "CPU")
    importlib.import_module("torchvision.ops.boxes")._assert_has_ops = lambda: None
    importlib.import_module("torchvision.ops.roi_align")._roi_align = _roi_align
