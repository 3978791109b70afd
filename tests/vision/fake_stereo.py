"""For each dataset of stereo pictures: a tiny one on disk, and arguments that it is read with."""

from __future__ import annotations

import json
from pathlib import Path

from fake_files import pfm, picture, text
from fake_sets import Cases, fake, pictures


@fake("CarlaStereo")
def _(root: Path) -> Cases:
    for scene in ("s1", "s2"):
        base = root / "carla-highres" / "trainingF" / scene
        pictures(base, "im0.png", "im1.png")
        for i in range(2):
            pfm(base / f"disp{i}GT.pfm", channels=1)
    return [{}, {"transforms": lambda images, disparities, masks: (images, disparities, ("mask", None))}]


@fake("Kitti2012Stereo")
def _(root: Path) -> Cases:
    for part in ("training", "testing"):
        base = root / "Kitti2012" / part
        for eye in range(2):
            pictures(base / f"colored_{eye}", "1_10.png", "2_10.png", "1_11.png")
        for i in (1, 2):
            picture(base / "disp_noc" / f"{i}.png", mode="I;16", high=60000)
    return [{}, {"split": "test"}]


@fake("Kitti2015Stereo")
def _(root: Path) -> Cases:
    for part in ("training", "testing"):
        base = root / "Kitti2015" / part
        for eye in (2, 3):
            pictures(base / f"image_{eye}", "1.png", "2.png")
            for i in (1, 2):
                picture(base / f"disp_occ_{eye - 2}" / f"{i}.png", mode="I;16", high=60000)
    return [{}, {"split": "test"}]


@fake("Middlebury2014Stereo")
def _(root: Path) -> Cases:
    base = root / "Middlebury2014"
    for scene in ("train/Piano-perfect", "train/Piano-imperfect", "train/Pipes-perfect", "test/Plants"):
        pictures(base / scene, "im0.png", "im1.png", "im1E.png", "im1L.png")
        for i in range(2):
            pfm(base / scene / f"disp{i}.pfm", channels=1)
    return [{}, {"calibration": "both", "use_ambient_views": True}, {"split": "test", "calibration": None}]


@fake("CREStereo")
def _(root: Path) -> Cases:
    for name in ("shapenet", "reflective", "tree", "hole"):
        for eye in ("left", "right"):
            picture(root / "CREStereo" / name / f"1_{eye}.jpg")
            picture(root / "CREStereo" / name / f"1_{eye}.disp.png", mode="I;16", high=60000)
    return [{}]


@fake("FallingThingsStereo")
def _(root: Path) -> Cases:
    for folder in ("single/soup/kitchen", "mixed/kitchen"):
        base = root / "FallingThings" / folder
        text(
            base / "_camera_settings.json",
            json.dumps({"camera_settings": [{"intrinsic_settings": {"fx": 768.2}}]}),
        )
        for eye in ("left", "right"):
            picture(base / f"000000.{eye}.jpg")
            picture(base / f"000000.{eye}.depth.png", mode="I;16", high=60000)
    return [{}, {"variant": "mixed"}, {"variant": "both"}]


@fake("SceneFlowStereo")
def _(root: Path) -> Cases:
    for variant, scene in (("FlyingThings3D", "TRAIN/A/0"), ("Monkaa", "a_rain")):
        base = root / "SceneFlow" / variant
        for eye in ("left", "right"):
            for kind in ("clean", "final"):
                pictures(base / f"frames_{kind}pass" / scene / eye, "1.png", "2.png")
            for i in (1, 2):
                pfm(base / "disparity" / scene / eye / f"{i}.pfm", channels=1)
    return [{}, {"variant": "Monkaa", "pass_name": "both"}]


@fake("SintelStereo")
def _(root: Path) -> Cases:
    base = root / "Sintel" / "training"
    for i in (1, 2):
        for kind in ("clean", "final"):
            pictures(base, f"{kind}_left/alley/{i}.png", f"{kind}_right/alley/{i}.png")
        picture(base / "disparities" / "alley" / f"{i}.png")
        for kind in ("occlusions", "outofframe"):
            picture(base / kind / "alley" / f"{i}.png", mode="L", high=2)
    return [{}, {"pass_name": "both"}]


@fake("InStereo2k")
def _(root: Path) -> Cases:
    for split in ("train", "test"):
        for eye in ("left", "right"):
            picture(root / "InStereo2k" / split / "s1" / f"{eye}.png")
            picture(root / "InStereo2k" / split / "s1" / f"{eye}_disp.png", mode="I;16", high=60000)
    return [{}, {"split": "test"}]


@fake("ETH3DStereo")
def _(root: Path) -> Cases:
    for part in ("two_view_training", "two_view_test"):
        pictures(root / "ETH3D" / part, "forest/im0.png", "forest/im1.png")
    base = root / "ETH3D" / "two_view_training_gt" / "forest"
    pfm(base / "disp0GT.pfm", channels=1)
    picture(base / "mask0nocc.png", mode="L", high=2)
    return [{}, {"split": "test"}]
