"""facenet-pytorch's MTCNN, three networks with their weights, finds the face on a photograph."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("facenet_pytorch")

from facenet_pytorch import MTCNN
from photographs import photograph

ASTRONAUT = (155, 50, 290, 230)  # a box well around her face


def test_a_face(expected):
    boxes, probabilities, landmarks = (
        MTCNN(keep_all=True).eval().detect(photograph("astronaut.png"), landmarks=True)
    )
    assert probabilities[0] > 0.99
    left, top, right, bottom = boxes[0]
    assert ASTRONAUT[0] < left < right < ASTRONAUT[2] and ASTRONAUT[1] < top < bottom < ASTRONAUT[3]
    left_eye, right_eye, nose, *mouth = landmarks[0]
    assert (
        left < left_eye[0] < nose[0] < right_eye[0] < right and left_eye[1] < nose[1] < mouth[0][1] < bottom
    )
    expected("boxes", boxes.astype("float32"), rtol=1e-3)
    expected("probabilities", probabilities.astype("float32"), rtol=1e-3)
    expected("landmarks", landmarks.astype("float32"), rtol=1e-3)


def test_a_face_cut_out(expected):
    face = MTCNN(image_size=96, margin=8).eval()(photograph("astronaut.png"))
    assert face.shape == (3, 96, 96)
    expected("mean", face.mean((1, 2)), rtol=0.02, atol=0.01)


def test_no_face():
    boxes, probabilities = MTCNN().eval().detect(photograph("coffee.png"))
    assert boxes is None and probabilities == [None]


def test_batches(expected):
    pictures = [photograph("astronaut.png"), photograph("astronaut.png").transpose(0)]
    boxes, _ = MTCNN().eval().detect(pictures)
    assert len(boxes) == 2
    expected("boxes", torch.tensor([b[0].tolist() for b in boxes]), rtol=1e-3)
