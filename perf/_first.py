"""What is measured first, in case time ends a run: a row or few of each family that a goal is set for."""

from __future__ import annotations

FIRST = (
    "roof/copy 2 GB/float32",
    "copying/clone 8192x8192/bfloat16",
    "roof/gemm 8192/bfloat16",
    "matmul/square 8192x8192x8192/bfloat16",
    "attention/full 4x16x4096x128/bfloat16",
    "attention/causal 4x16x4096x128/bfloat16",
    "attention/full 4x16x4096x64/bfloat16",
    "attention/causal 4x16x4096x64/bfloat16",
    "attention/full 4x16x4096x128 backward/bfloat16",
    "attention/causal 4x16x4096x128 backward/bfloat16",
    "convolution/3x3 of ResNet-50 64x128x128x28x1/bfloat16",
    "convolution/3x3 of ResNet-50, data 64x128x128x28x1 backward/bfloat16",
    "convolution/3x3 of ResNet-50, weights 64x128x128x28x1 backward/bfloat16",
    "softmax/softmax 16384x4096/bfloat16",
    "softmax/softmax 16384x4096 backward/bfloat16",
    "normalization/layer norm 16384x4096/bfloat16",
    "normalization/layer norm 16384x4096 backward/bfloat16",
    "loss/cross entropy 8192x131072/bfloat16",
    "loss/cross entropy 8192x131072 backward/bfloat16",
    "optimizer/AdamW, fused, 300 M in 300/float32",
    "model/GPT-2 small training step, captured, against eager/bfloat16",
    "model/ResNet-50 training step, captured, against eager/bfloat16",
    "launch overhead/x + y/float32",
    "launch overhead/a @ a/float32",
)
