"""For each other dataset of pictures: a tiny one on disk, and arguments that it is read with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from fake_files import flo, mat, pfm, picture, png16, random, shown, text
from fake_sets import Cases, fake, pictures

VOC_XML = """<annotation><folder>VOC</folder><size><width>7</width><height>5</height></size>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>5</ymax></bndbox>
<part><name>head</name></part><part><name>tail</name></part></object>{}</annotation>"""
VOC_BOX = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>3</ymax></bndbox>"
VOC_OBJECT = f"<object><name>dog</name>{VOC_BOX}</object>"


def _voc(root: Path) -> Path:
    base = root / "VOCdevkit" / "VOC2012"
    pictures(base / "JPEGImages", "1.jpg", "2.jpg")
    for name, more in (("1", ""), ("2", VOC_OBJECT)):
        picture(base / "SegmentationClass" / f"{name}.png", mode="L", high=21)
        text(base / "Annotations" / f"{name}.xml", VOC_XML.format(more))
    for folder in ("Main", "Segmentation"):
        text(base / "ImageSets" / folder / "train.txt", "1", "2")
    return base


@fake("VOCDetection")
def _(root: Path) -> Cases:
    _voc(root)
    return [{}, {"transforms": lambda image, target: (image.size, target["annotation"]["object"])}]


@fake("VOCSegmentation")
def _(root: Path) -> Cases:
    _voc(root)
    return [{}, {"transform": np.asarray, "target_transform": np.asarray}]


@fake("SBDataset")
def _(root: Path) -> Cases:
    from scipy.sparse import csc_matrix

    pictures(root / "img", "1.jpg")
    edges = np.empty((20, 1), object)
    for i in range(20):
        edges[i, 0] = csc_matrix(random(5, 7, high=2).astype(float))
    classes = np.empty((1, 1), [("Segmentation", object), ("Boundaries", object)])
    classes[0, 0] = (random(5, 7, high=20), edges)
    mat(root / "cls" / "1.mat", GTcls=classes)
    text(root / "train.txt", "1")
    text(root / "train_noval.txt", "1")
    return [{}, {"image_set": "train_noval", "mode": "segmentation"}]


@fake("Cityscapes")
def _(root: Path) -> Cases:
    for split, city in (("train", "ulm"), ("train", "aachen"), ("val", "ulm")):
        for name in (f"{city}_000000_000019", f"{city}_000001_000019"):
            picture(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
            for mode in ("gtFine", "gtCoarse"):
                start = root / mode / split / city / f"{name}_{mode}"
                picture(Path(f"{start}_instanceIds.png"), mode="I;16", high=34000)
                picture(Path(f"{start}_labelIds.png"), mode="L", high=34)
                picture(Path(f"{start}_color.png"))
                text(Path(f"{start}_polygons.json"), json.dumps({"imgHeight": 5, "objects": []}))
    kinds = ["instance", "semantic", "color", "polygon"]
    return [
        {}, {"mode": "coarse", "split": "val", "target_type": "semantic"}, {"target_type": kinds},
    ]  # fmt: skip


def coco(root: Path) -> str:
    """Three pictures, of which the first has two annotations and the last none."""
    pictures(root, "1.jpg", "2.jpg", "3.jpg")
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 5, "width": 7} for i in (3, 1, 2)]
    outline = [[1.0, 1.0, 5.5, 1.0, 5.5, 3.5, 1.0, 3.5]]
    rle = {"size": [5, 7], "counts": [5, 10, 20]}
    annotations = [
        {"id": 7, "image_id": 1, "category_id": 18, "bbox": [1, 1, 4.5, 2.5], "area": 11.2, "iscrowd": 0,
         "segmentation": outline, "caption": "a dog"},
        {"id": 5, "image_id": 2, "category_id": 1, "bbox": [1, 0, 2, 5], "area": 10, "iscrowd": 1,
         "segmentation": rle, "caption": "people"},
        {"id": 6, "image_id": 1, "category_id": 1, "bbox": [0, 0, 3, 3], "area": 9, "iscrowd": 0,
         "segmentation": outline, "caption": "a man"},
    ]  # fmt: skip
    categories = [
        {"id": 1, "name": "person", "supercategory": "person"}, {"id": 18, "name": "dog", "supercategory": "animal"},
    ]  # fmt: skip
    whole = {"images": images, "annotations": annotations, "categories": categories}
    return str(text(root / "annotations.json", json.dumps(whole)))


@fake("CocoDetection")
def _(root: Path) -> Cases:
    file = coco(root)
    return [
        {"annFile": file},
        {"annFile": file, "transforms": lambda image, target: (image.size, len(target))},
    ]


@fake("CocoCaptions")
def _(root: Path) -> Cases:
    return [{"annFile": coco(root)}]


@fake("CelebA")
def _(root: Path) -> Cases:
    base = root / "celeba"
    names = [f"00000{i}.jpg" for i in (1, 2, 3, 4)]
    pictures(base / "img_align_celeba", *names)
    text(base / "list_eval_partition.txt", *(f"{name} {split}" for name, split in zip(names, (0, 2, 0, 2))))
    text(base / "identity_CelebA.txt", *(f"{name} {7 + i}" for i, name in enumerate(names)))
    rows = {"attr": "-1  1", "bbox": "  1   2  3 4", "landmarks_align": "1 2 3 4 5 6 7 8 9  10"}
    for kind, numbers in rows.items():
        header = " ".join(f"c{i}" for i in range(len(numbers.split())))
        text(base / f"list_{kind}_celeba.txt", "3", header, *(f"{name} {numbers}" for name in names))
    kinds = ["attr", "identity", "bbox", "landmarks"]
    return [
        {},
        {"split": "ALL", "target_type": kinds},
        {"split": "test", "target_type": "identity"},
        {"target_type": []},
    ]


@fake("WIDERFace")
def _(root: Path) -> Cases:
    base = root / "widerface"
    for split in ("train", "val", "test"):
        pictures(base / f"WIDER_{split}" / "images" / "0--Parade", "1.jpg", "2.jpg", "3.jpg")
        box = "1 2 3 4 0 1 0 2 0 1 "
        rows = [
            "0--Parade/1.jpg",
            "2",
            box,
            box,
            "0--Parade/2.jpg",
            "0",
            "0 0 0 0 0 0 0 0 0 0 ",
            "0--Parade/3.jpg",
            "1",
            box,
        ]
        text(base / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt", *rows)
    text(base / "wider_face_split" / "wider_face_test_filelist.txt", "0--Parade/1.jpg")
    return [{}, {"split": "val"}, {"split": "test"}]


@fake("Kitti")
def _(root: Path) -> Cases:
    base = root / "Kitti" / "raw"
    for part in ("training", "testing"):
        pictures(base / part / "image_2", "000001.png", "000000.png")
    row = "Car 0.50 1 -1.57 1.0 2.0 3.0 4.0 1.5 1.6 3.7 -2.1 1.9 25.0 -1.6"
    text(base / "training" / "label_2" / "000000.txt", row)
    text(base / "training" / "label_2" / "000001.txt", row, row.replace("Car", "Van"))
    return [{}, {"train": False}]


@fake("OxfordIIITPet")
def _(root: Path) -> Cases:
    base = root / "oxford-iiit-pet"
    names = ["Abyssinian_1", "american_bulldog_12", "Abyssinian_2"]
    for name in names:
        picture(base / "images" / f"{name}.jpg")
        picture(base / "annotations" / "trimaps" / f"{name}.png", mode="L", high=4)
    for split in ("trainval", "test"):
        text(base / "annotations" / f"{split}.txt", *(f"{n} {k} {k} 1" for n, k in zip(names, (1, 2, 1))))
    kinds = ["category", "binary-category", "segmentation"]
    return [{}, {"split": "test", "target_types": kinds}, {"target_types": []}]


@fake("PhotoTour")
def _(root: Path) -> Cases:
    base = root / "liberty"
    for i in range(2):
        picture(base / f"patches000{i}.bmp", (128, 128), "L")
    text(base / "info.txt", *(f"{i // 2} 0" for i in range(8)))
    text(base / "m50_100000_100000_0.txt", "0 0 0 1 0 0 0", "2 1 0 5 2 0 0")
    return [
        {"name": "liberty"},
        {"name": "liberty", "train": False, "transform": lambda patch: patch.float()},
    ]


@fake("SBU")
def _(root: Path) -> Cases:
    (root / "SBUCaptionedPhotoDataset.tar.gz").write_bytes(b"")
    pictures(root / "dataset", "1.jpg", "3.jpg")
    start = root / "dataset" / "SBU_captioned_photo_dataset"
    text(Path(f"{start}_urls.txt"), *(f"http://static.flickr.com/{i}.jpg" for i in (1, 2, 3)))
    text(Path(f"{start}_captions.txt"), "one ", " two", "  three")
    return [{"download": False}]


@fake("Flickr8k")
def _(root: Path) -> Cases:
    pictures(root, "11_aa.jpg", "22_bb.jpg")
    rows = "".join(
        f"<tr><td><a href='x'>http://www.flickr.com/photos/u/{i}/</a></td><ul><li>one {i}</li><li> two</li></ul></tr>"
        for i in (22, 11)
    )
    page = text(
        root / "page.html", f"<html><p>x<table>{rows}<tr><td>Image Not Found<li>none</li></tr></table></html>"
    )
    return [{"ann_file": str(page)}]


@fake("Flickr30k")
def _(root: Path) -> Cases:
    pictures(root, "11.jpg", "22.jpg")
    page = text(root / "captions.token", "22.jpg#0\tone", "11.jpg#0\ttwo  ", "22.jpg#1\tthree")
    return [{"ann_file": str(page)}]


@fake("MovingMNIST")
def _(root: Path) -> Cases:
    (root / "MovingMNIST").mkdir()
    np.save(root / "MovingMNIST" / "mnist_test_seq.npy", random(20, 3, 64, 64))
    return [{}, {"split": "train", "split_ratio": 12}, {"split": "test", "transform": lambda video: video[0]}]


def _lfw(root: Path) -> Path:
    base = root / "lfw-py"
    for folder in ("lfw_funneled", "lfw"):
        pictures(base / folder, *(f"{n}/{n}_000{i}.jpg" for n in ("Ann_B", "Cy_D") for i in (1, 2)))
    for name in ("lfw.tgz", "lfw-funneled.tgz"):
        (base / name).write_bytes(b"")
    text(base / "lfw-names.txt", "Ann_B\t2", "Cy_D\t2")
    return base


@fake("LFWPeople")
def _(root: Path) -> Cases:
    base = _lfw(root)
    text(base / "people.txt", "2", "1", "Ann_B\t2", "1", "Cy_D\t1")
    text(base / "peopleDevTrain.txt", "2", "Ann_B\t1", "Cy_D\t2")
    return [{}, {"split": "train", "image_set": "original", "target_transform": shown}]


@fake("LFWPairs")
def _(root: Path) -> Cases:
    base = _lfw(root)
    fold = ["Ann_B\t1\t2", "Ann_B\t1\tCy_D\t2"]
    text(base / "pairs.txt", "2\t1", *fold, *fold)
    text(base / "pairsDevTest.txt", "1", *fold)
    return [{}, {"split": "test", "image_set": "original"}]


@fake("LSUN")
def _(root: Path) -> Cases:
    import lmdb

    for i, name in enumerate(("bedroom_train", "tower_train", "test")):
        with (
            lmdb.open(str(root / f"{name}_lmdb"), map_size=1 << 20) as base,
            base.begin(write=True) as transaction,
        ):
            for j in range(i + 1):
                transaction.put(f"key{j}".encode(), picture(root / "x.webp").read_bytes())
    return [{"classes": ["bedroom_train", "tower_train"], "transform": np.asarray}, {"classes": "test"}]


@fake("Sintel")
def _(root: Path) -> Cases:
    for part in ("training", "test"):
        for kind in ("clean", "final"):
            pictures(
                root / "Sintel" / part / kind,
                *(f"{s}/frame_{i}.png" for s in ("alley", "bamboo") for i in range(3)),
            )
    for scene in ("alley", "bamboo"):
        for i in range(2):
            flo(root / "Sintel" / "training" / "flow" / scene / f"frame_{i}.flo", 4 + i)
    return [
        {},
        {"pass_name": "both"},
        {"split": "test"},
        {"transforms": lambda a, b, flow, mask: (a, b, flow, 1)},
    ]


@fake("KittiFlow")
def _(root: Path) -> Cases:
    for part in ("training", "testing"):
        base = root / "KittiFlow" / part
        pictures(base / "image_2", *(f"00000{i}_{j}.png" for i in range(2) for j in (10, 11)))
        for i in range(2):
            png16(base / "flow_occ" / f"00000{i}_10.png", random(6, 7 + i, 3, high=65536, dtype=np.uint16))
    return [{"split": "test"}]


@fake("HD1K")
def _(root: Path) -> Cases:
    base = root / "hd1k"
    pictures(base / "hd1k_input" / "image_2", *(f"00000{i}_{j:04d}.png" for i in range(2) for j in range(3)))
    for i in range(2):
        for j in range(3):
            png16(
                base / "hd1k_flow_gt" / "flow_occ" / f"00000{i}_{j:04d}.png", random(5, 4, 3, dtype=np.uint16)
            )
    pictures(base / "hd1k_challenge" / "image_2", "000000_10.png", "000000_11.png")
    return [{"split": "test"}]


@fake("FlyingChairs")
def _(root: Path) -> Cases:
    base = root / "FlyingChairs"
    for i in range(3):
        pictures(base / "data", f"{i:05d}_img1.ppm", f"{i:05d}_img2.ppm")
        flo(base / "data" / f"{i:05d}_flow.flo", 3 + i)
    text(base / "FlyingChairs_train_val.txt", "1", "2", "1")
    return [{}, {"split": "val"}]


@fake("FlyingThings3D")
def _(root: Path) -> Cases:
    base = root / "FlyingThings3D"
    for side in ("left", "right"):
        for kind in ("frames_cleanpass", "frames_finalpass"):
            pictures(base / kind / "TRAIN" / "A" / "0000" / side, *(f"000{i}.png" for i in range(3)))
        for direction in ("into_future", "into_past"):
            for i in range(3):
                pfm(
                    base / "optical_flow/TRAIN/A/0000" / direction / side / f"{i}.pfm",
                    4 + i,
                    order="<>"[i % 2],
                )
    return [{}, {"camera": "both", "pass_name": "both"}]
