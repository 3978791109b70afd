"""Datasets of pictures: files, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonnn.vision.datasets._optical_flow import HD1K, FlyingChairs, FlyingThings3D, KittiFlow, Sintel
from tritonnn.vision.datasets._stereo_matching import (
    CarlaStereo,
    CREStereo,
    ETH3DStereo,
    FallingThingsStereo,
    InStereo2k,
    Kitti2012Stereo,
    Kitti2015Stereo,
    Middlebury2014Stereo,
    SceneFlowStereo,
    SintelStereo,
)
from tritonnn.vision.datasets.caltech import Caltech101, Caltech256
from tritonnn.vision.datasets.celeba import CelebA
from tritonnn.vision.datasets.cifar import CIFAR10, CIFAR100
from tritonnn.vision.datasets.cityscapes import Cityscapes
from tritonnn.vision.datasets.clevr import CLEVRClassification
from tritonnn.vision.datasets.coco import CocoCaptions, CocoDetection
from tritonnn.vision.datasets.country211 import Country211
from tritonnn.vision.datasets.dtd import DTD
from tritonnn.vision.datasets.eurosat import EuroSAT
from tritonnn.vision.datasets.fakedata import FakeData
from tritonnn.vision.datasets.fer2013 import FER2013
from tritonnn.vision.datasets.fgvc_aircraft import FGVCAircraft
from tritonnn.vision.datasets.flickr import Flickr8k, Flickr30k
from tritonnn.vision.datasets.flowers102 import Flowers102
from tritonnn.vision.datasets.folder import DatasetFolder, ImageFolder
from tritonnn.vision.datasets.food101 import Food101
from tritonnn.vision.datasets.gtsrb import GTSRB
from tritonnn.vision.datasets.hmdb51 import HMDB51
from tritonnn.vision.datasets.imagenet import ImageNet
from tritonnn.vision.datasets.imagenette import Imagenette
from tritonnn.vision.datasets.inaturalist import INaturalist
from tritonnn.vision.datasets.kinetics import Kinetics
from tritonnn.vision.datasets.kitti import Kitti
from tritonnn.vision.datasets.lfw import LFWPairs, LFWPeople
from tritonnn.vision.datasets.lsun import LSUN, LSUNClass
from tritonnn.vision.datasets.mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from tritonnn.vision.datasets.moving_mnist import MovingMNIST
from tritonnn.vision.datasets.omniglot import Omniglot
from tritonnn.vision.datasets.oxford_iiit_pet import OxfordIIITPet
from tritonnn.vision.datasets.pcam import PCAM
from tritonnn.vision.datasets.phototour import PhotoTour
from tritonnn.vision.datasets.places365 import Places365
from tritonnn.vision.datasets.rendered_sst2 import RenderedSST2
from tritonnn.vision.datasets.sbd import SBDataset
from tritonnn.vision.datasets.sbu import SBU
from tritonnn.vision.datasets.semeion import SEMEION
from tritonnn.vision.datasets.stanford_cars import StanfordCars
from tritonnn.vision.datasets.stl10 import STL10
from tritonnn.vision.datasets.sun397 import SUN397
from tritonnn.vision.datasets.svhn import SVHN
from tritonnn.vision.datasets.ucf101 import UCF101
from tritonnn.vision.datasets.usps import USPS
from tritonnn.vision.datasets.vision import VisionDataset
from tritonnn.vision.datasets.voc import VOCDetection, VOCSegmentation
from tritonnn.vision.datasets.widerface import WIDERFace

__all__ = [
    "CIFAR10", "CIFAR100", "DTD", "EMNIST", "FER2013", "GTSRB", "HD1K", "HMDB51", "KMNIST", "LSUN", "MNIST", "PCAM",
    "QMNIST", "SBU", "SEMEION", "STL10", "SUN397", "SVHN", "UCF101", "USPS", "CLEVRClassification", "CREStereo",
    "Caltech101", "Caltech256", "CarlaStereo", "CelebA", "Cityscapes", "CocoCaptions", "CocoDetection", "Country211",
    "DatasetFolder", "ETH3DStereo", "EuroSAT", "FGVCAircraft", "FakeData", "FallingThingsStereo", "FashionMNIST",
    "Flickr8k", "Flickr30k", "Flowers102", "FlyingChairs", "FlyingThings3D", "Food101", "INaturalist", "ImageFolder",
    "ImageNet", "Imagenette", "InStereo2k", "Kinetics", "Kitti", "Kitti2012Stereo", "Kitti2015Stereo", "KittiFlow",
    "LFWPairs", "LFWPeople", "LSUNClass", "Middlebury2014Stereo", "MovingMNIST", "Omniglot", "OxfordIIITPet",
    "PhotoTour", "Places365", "RenderedSST2", "SBDataset", "SceneFlowStereo", "Sintel", "SintelStereo",
    "StanfordCars", "VOCDetection", "VOCSegmentation", "VisionDataset", "WIDERFace", "wrap_dataset_for_transforms_v2",
]  # fmt: skip


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.vision.datasets._wrapper import wrap_dataset_for_transforms_v2
else:

    def __getattr__(name: str) -> Any:
        if name == "wrap_dataset_for_transforms_v2":  # stands on transforms.v2, which nothing else here needs
            from tritonnn.vision.datasets._wrapper import wrap_dataset_for_transforms_v2

            return wrap_dataset_for_transforms_v2
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
