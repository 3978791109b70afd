"""A user's program: pictures, transforms, data sets, models, operators on boxes. It is read by type checkers.

A line that is wrong on purpose says in its comment with which code mypy refuses it; pyright has to refuse it too, and
both have to accept all other lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.utils.data import DataLoader
from tritonnn.vision import datasets, io, models, ops, transforms, tv_tensors, utils
from tritonnn.vision.models.detection import FasterRCNN, fasterrcnn_resnet50_fpn
from tritonnn.vision.transforms import functional as TF
from tritonnn.vision.transforms import v2

image = torch.zeros(3, 32, 32, dtype=torch.uint8)
boxes = torch.tensor([[0.0, 0.0, 8.0, 8.0]])

# ---- transforms

training = transforms.Compose(
    [
        transforms.RandomResizedCrop(
            24, scale=(0.5, 1.0), interpolation=transforms.InterpolationMode.BICUBIC
        ),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(brightness=0.2, hue=(-0.1, 0.1)),
        transforms.RandomApply([transforms.GaussianBlur(3, sigma=1.0)], p=0.2),
        transforms.ConvertImageDtype(torch.float32),
        transforms.Normalize(mean=[0.485, 0.456, 0.406], std=(0.229, 0.224, 0.225)),
        lambda picture: picture + 1,
    ]
)
resized: Tensor = TF.resize(image, [16, 16], transforms.InterpolationMode.NEAREST)
turned: Tensor = TF.rotate(TF.pad(image, (1, 2), fill=3), 30.0, expand=True, fill=[1.0, 2.0, 3.0])
moved: Tensor = TF.affine(image, 0.0, [1, 2], 1.0, shear=10.0, center=[0, 0])
corners: tuple[Tensor, ...] = TF.five_crop(image, 8)
size: list[int] = TF.get_image_size(image)
tensor: Tensor = transforms.ToTensor()(np.zeros((4, 4, 3), np.uint8))
transforms.Resize("a")  # error: arg-type
transforms.Resize(8, max_sizes=9)  # error: call-arg
transforms.RandomCrop(8, padding="1")  # error: arg-type
transforms.Normalize([0.5])  # error: call-arg
transforms.GaussianBlur(kernel_size=3.5)  # error: arg-type
transforms.ColorJitter(brightness="much")  # error: arg-type
transforms.RandomRotate(30)  # error: attr-defined
TF.resize("picture.png", [8, 8])  # error: type-var
TF.hflip(3)  # error: type-var
TF.rotate(image, "30")  # error: arg-type
TF.pad(image, 1, fill="black")  # error: arg-type
TF.adjust_hue(image)  # error: call-arg
TF.to_tensor("picture.png")  # error: arg-type
TF.vflipp(image)  # error: attr-defined
flipped: str = TF.hflip(image)  # error: assignment

# ---- transforms.v2

marked = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(32, 32))
both = v2.Compose(
    [v2.RandomIoUCrop(), v2.Resize((16, 16), antialias=True), v2.ToDtype(torch.float32, scale=True)]
)
both(tv_tensors.Image(image), {"boxes": marked, "labels": torch.tensor([1])})
smaller: tv_tensors.BoundingBoxes = v2.functional.resize(marked, [8], interpolation="bilinear")
sheared: Tensor = v2.functional.affine(
    image, angle=10, translate=[0, 0], scale=1.0, shear=[5.0, 0.0], fill=None
)
blurred: Tensor = v2.functional.gaussian_blur(image, 3, sigma=[0.5, 1.0])
v2.Resize(size="16")  # error: arg-type
v2.RandomZoomOut(side_range=2.0)  # error: arg-type
v2.functional.rotate(image, angle="30")  # error: arg-type
v2.functional.horizontal_flip([1, 2])  # error: type-var
v2.functional.crop(image, 0, 0, 8)  # error: call-arg
v2.functional.resize(image, 8, interpolation=0.5)  # error: arg-type
v2.functional.gaussian_blurr(image, 3)  # error: attr-defined
tv_tensors.BoundingBoxes(boxes, format="XYXY")  # error: call-arg
tv_tensors.Masks(image)  # error: attr-defined


class Brighter(v2.Transform):
    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        return v2.functional.adjust_brightness(inpt, self.by)


# ---- data sets


def classes_of(folder: Path) -> dict[str, int]:
    pictures = datasets.ImageFolder(folder, transform=training)
    for batch, labels in DataLoader(pictures, batch_size=4):
        print(batch.shape, labels)
    return pictures.class_to_idx


datasets.CIFAR10("data", train=True, transform=both, target_transform=lambda label: label + 1)
datasets.CIFAR10("data", training=True)  # error: call-arg
datasets.CIFAR10()  # error: call-arg
datasets.MNIST("data", train="yes")  # error: arg-type
datasets.ImageFolder("data", transform=3)  # error: arg-type
datasets.Cifar10("data")  # error: attr-defined

# ---- models

model: models.ResNet = models.resnet18(weights=None, num_classes=10)
named: nn.Module = models.get_model("vit_b_16", weights=models.ViT_B_16_Weights.DEFAULT)
trained = models.resnet50(weights=models.ResNet50_Weights.IMAGENET1K_V2, progress=False)
detector: FasterRCNN = fasterrcnn_resnet50_fpn(weights_backbone=None, num_classes=3, box_nms_thresh=0.4)
prepared: Tensor = models.resnet.BasicBlock(64, 64)(torch.ones(1, 64, 8, 8))
models.segmentation.fcn_resnet50(num_classes=21)
models.resnet18(weights=3)  # error: arg-type
models.resnet18(models.ResNet18_Weights.DEFAULT)  # error: call-arg
models.vgg16(progress="no")  # error: arg-type
models.resnet19()  # error: attr-defined
models.segmentation.fcn_resnet51()  # error: attr-defined
models.get_model(18)  # error: arg-type
fasterrcnn_resnet50_fpn(num_classes="3")  # error: arg-type

# ---- operators on boxes, files, drawings

kept: Tensor = ops.nms(boxes, torch.ones(1), iou_threshold=0.5)
overlap: float = ops.box_iou(boxes, boxes).sum().item()
regions: Tensor = ops.roi_align(torch.ones(1, 1, 8, 8), [boxes], output_size=2)
grid: Tensor = utils.make_grid([image, image], nrow=2)
drawn: Tensor = utils.draw_bounding_boxes(image, boxes, labels=["cat"], colors="red")
ops.nms(boxes, torch.ones(1))  # error: call-arg
ops.nms(boxes, [1.0], 0.5)  # error: arg-type
ops.box_convert(boxes, "xyxy")  # error: call-arg
ops.roi_align(torch.ones(1, 1, 8, 8), boxes)  # error: call-arg
ops.box_ious(boxes, boxes)  # error: attr-defined
ops.MultiScaleRoIAlign(["0"], 7)  # error: call-arg
io.read_image("picture.png", mode=3)  # error: arg-type
io.read_imgae("picture.png")  # error: attr-defined
io.write_png(image)  # error: call-arg
utils.make_grid(3)  # error: arg-type
utils.draw_bounding_boxes(image, boxes, labels=[1])  # error: list-item
utils.save_image(image)  # error: call-arg
print(torch.vision.transformations)  # error: attr-defined
