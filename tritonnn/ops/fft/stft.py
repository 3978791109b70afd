"""The short-time Fourier transform, and its inverse."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._levels import every
from tritonnn._tensor import Tensor
from tritonnn.errors import fail, warn_once
from tritonnn.ops._definitions import fourier as define
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.creation.creation import ones
from tritonnn.ops.elementwise.derived import view_as_real
from tritonnn.ops.fft.transforms import fft_c2c, fft_c2r, fft_r2c
from tritonnn.ops.padding import constant_pad_nd, pad
from tritonnn.ops.shape.parts import overlap_added
from tritonnn.table import Make

_TYPES = (dtypes.float32, dtypes.float64, *dtypes.COMPLEX)


def _window_of(op: str, input: Tensor, n_fft: int, win_length: int, window: Tensor | None) -> Tensor:
    """The window with zeros around it, up to `n_fft` numbers."""
    if window is None:
        warn_once(
            f"{op} without a window",
            f"{op}: A window was not provided. A rectangular window will be applied, which leaks into other "
            "frequencies; give window=torch.ones(n_fft) to say that it is meant.",
        )
        window = ones(win_length, dtype=input.dtype.to_real(), device=input.device)
    if window.device != input.device:
        text = f"input and window must be on the same device but got {input.device} and {window.device}"
        raise fail(op, text, input=input, window=window)
    if tuple(window.shape) != (win_length,):
        text = (
            f"expected a 1D window tensor of size equal to win_length={win_length}, got {list(window.shape)}"
        )
        raise fail(op, text, input=input, window=window)
    left = (n_fft - win_length) // 2
    return constant_pad_nd(window, [left, n_fft - win_length - left])


def _one_sided(
    op: str, onesided: bool | None, input: Tensor, window: Tensor | None, is_complex: bool
) -> bool:
    """Whether negative frequencies are left out: of real signals, unless they are wanted."""
    is_complex = is_complex or (window is not None and window.dtype.is_complex)
    if onesided and is_complex:
        raise fail(
            op, "Cannot have onesided output if window or input is complex", input=input, window=window
        )
    return not is_complex if onesided is None else onesided


def _samples(make: Make) -> list[Sample]:
    def window(n: int) -> Tensor:
        return make(n, low=0.5, high=2)

    return [
        Sample(make(20), 8, None, None, window(8), return_complex=True),
        Sample(make(2, 20), 7, 3, 5, window(5), True, "constant", True, return_complex=True),
        Sample(make(2, 20), 8, 2, 4, window(4), False, onesided=False, return_complex=True),
        Sample(make(20), 8, 2, 4, window(4), False, return_complex=True, align_to_window=True),
    ]


def _errors(make: Make) -> list[Bad]:
    w = make(8)
    return [
        Bad("a", 8, error=TypeError, match="must be Tensor, not str"),
        Bad(make(20), 8, match="requires the return_complex parameter be given"),
        Bad(make(20), 8, window=make(7), return_complex=True, match="size equal to win_length=8"),
        Bad(
            make(20), 30, center=False, return_complex=True, match="expected 0 < n_fft < 20, but got n_fft=30"
        ),
        Bad(
            make(20),
            8,
            0,
            window=w,
            return_complex=True,
            match="expected hop_length > 0, but got hop_length=0",
        ),
        Bad(make(20), 8, None, 9, return_complex=True, match="expected 0 < win_length <= n_fft"),
        Bad(make(1, 1, 20), 8, return_complex=True, match="expected a 1D or 2D tensor"),
        Bad(
            make.int(20),
            8,
            return_complex=True,
            match="expected a tensor of floating point or complex values",
        ),
        Bad(make(20), 8, return_complex=True, align_to_window=True, match="only be set when center = false"),
        Bad(make(20, dtype=dtypes.complex64), 8, onesided=True, match="Cannot have onesided output"),
    ]


def _check_signal(
    input: Tensor, n_fft: int, hop: int, win: int, is_complex: bool, return_complex: bool | None
) -> None:
    if return_complex is None and not is_complex:
        text = "requires the return_complex parameter be given for real inputs: True for complex numbers"
        raise fail("stft", text, input=input)
    if not input.dtype.is_floating_point and not input.dtype.is_complex:
        raise fail("stft", "expected a tensor of floating point or complex values", input=input)
    if len(input.shape) not in (1, 2):
        raise fail("stft", f"expected a 1D or 2D tensor, got {len(input.shape)} dimensions", input=input)
    if hop <= 0:
        raise fail("stft", f"expected hop_length > 0, but got hop_length={hop}", input=input)
    if not 0 < win <= n_fft:
        raise fail(
            "stft", f"expected 0 < win_length <= n_fft, but got win_length={win}, n_fft={n_fft}", input=input
        )


@composite(
    api="torch tensor", dtypes=_TYPES[:2], samples=_samples, errors=_errors, reference=define.stft,
)  # fmt: skip
def stft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Tensor | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None, align_to_window: bool | None = None,
) -> Tensor:  # fmt: skip
    """The transforms of windows of a signal: (*, frequency, window).

    Args:
        input: (*, length), with one other dimension or none.
        n_fft: the length of a window with the zeros around it.
        hop_length: how far windows are apart; by default a quarter of `n_fft`.
        win_length: the length of a window; by default `n_fft`.
        window: its factors; by default ones.
        center: whether the signal is continued by half a window at both ends, so that windows lie around their places.
        pad_mode: how it is continued, as of `nn.functional.pad`.
        normalized: divides by the root of `n_fft`.
        onesided: whether negative frequencies are left out; by default those of real numbers are.
        return_complex: whether numbers are complex, or a last dimension has their parts.
        align_to_window: whether the first window starts with the signal, not the zeros around the window.

    Raises:
        RuntimeError: lengths that do not fit, a window of another length, `return_complex` not given for real numbers.

    >>> import tritonnn as torch
    >>> torch.stft(torch.ones(8), 4, window=torch.hann_window(4), return_complex=True).shape
    torch.Size([3, 9])
    """
    is_complex = input.dtype.is_complex or (window is not None and window.dtype.is_complex)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if align_to_window is not None and center:
        raise fail("stft", "align_to_window should only be set when center = false", input=input)
    if return_complex is False:
        warn_once(
            "stft parts", "stft: return_complex=False is deprecated; view_as_real gives what it returns"
        )
    if len(input.shape) == 1:
        input_rows = input.unsqueeze(0)
    else:
        input_rows = input
    half = n_fft // 2
    if center and len(input.shape) in (1, 2):
        input_rows = pad(input_rows.unsqueeze(1), [half, half], pad_mode).squeeze(1)
    _check_signal(input, n_fft, hop, win, is_complex, return_complex)
    length = input_rows.shape[-1]
    if not 0 < n_fft <= length:
        raise fail("stft", f"expected 0 < n_fft < {length}, but got n_fft={n_fft}", input=input)
    one_sided = _one_sided("stft", onesided, input, window, is_complex)
    factors = _window_of("stft", input, n_fft, win, window)
    if align_to_window:
        left = (n_fft - win) // 2
        input_rows = pad(input_rows, [left, n_fft - win - left])
    frames = input_rows.unfold(-1, n_fft, hop) * factors
    if frames.dtype not in _TYPES:
        text = f"expected float32, float64 or complex numbers, got {frames.dtype.name}"
        raise fail("stft", text, input=input, window=window)
    norm = "ortho" if normalized else "backward"
    spectrum = (fft_r2c if one_sided else fft_c2c)(frames, (2,), norm, False).transpose(1, 2)
    spectrum = spectrum.squeeze(0) if len(input.shape) == 1 else spectrum
    return spectrum if return_complex or return_complex is None else view_as_real(spectrum)


def _inverse_samples(make: Make) -> list[Sample]:
    def window(n: int) -> Tensor:
        return make(n, low=0.5, high=2, dtype=make.dtype.to_real())

    return [
        Sample(make(5, 9), 8, None, None, window(8)),
        Sample(make(2, 4, 6), 7, 2, 5, window(5), True, True, length=9),
        Sample(make(2, 8, 5), 8, 2, 8, window(8), False, onesided=False, return_complex=True),
    ]


def _inverse_errors(make: Make) -> list[Bad]:
    w = make(8, low=0.5, high=1, dtype=make.dtype.to_real())
    return [
        Bad("a", 8, error=TypeError, match="must be Tensor, not str"),
        Bad(make(5, 9, dtype=dtypes.float32), 8, match="requires a complex-valued input"),
        Bad(make(5, 0), 8, window=w, match="cannot be empty"),
        Bad(
            make(5, 9),
            10,
            match=r"frequency dimension .* to match n_fft / 2 \+ 1 when onesided=True, but got 5",
        ),
        Bad(make(5, 9), 8, onesided=False, match="to match n_fft when onesided=False, but got 5"),
        Bad(make(5, 9), 8, 9, match="expected 0 < hop_length <= win_length"),
        Bad(make(5, 9), 8, 2, 9, match="expected 0 < win_length <= n_fft"),
        Bad(make(5, 9), 8, 2, 4, w, match="window has to be 1D and length of `win_length`"),
        Bad(make(5, 9), 8, window=w * 0, match="window overlap add min"),
    ]


def _check_spectrum(
    input: Tensor, n_fft: int, hop: int, win: int, window: Tensor | None, one_sided: bool
) -> None:
    op = "istft"
    if not 0 < win <= n_fft:
        raise fail(
            op, f"expected 0 < win_length <= n_fft, but got win_length={win}, n_fft={n_fft}", input=input
        )
    if not 0 < hop <= win:
        raise fail(op, f"expected 0 < hop_length <= win_length, but got hop_length={hop}", input=input)
    if window is not None and tuple(window.shape) != (win,):
        text = f"Invalid window shape. window has to be 1D and length of `win_length`, {win}"
        raise fail(op, text, input=input, window=window)
    if len(input.shape) not in (2, 3):
        text = f"expected a tensor with 3 or 4 dimensions, but got {len(input.shape) + 1}"
        raise fail(op, f"{text} (one of them the parts of complex numbers)", input=input)
    if not input.numel():
        raise fail(op, "input tensor cannot be empty.", input=input)
    wanted = n_fft // 2 + 1 if one_sided else n_fft
    if input.shape[-2] != wanted:
        what = "n_fft / 2 + 1 when onesided=True" if one_sided else "n_fft when onesided=False"
        text = "expected the frequency dimension (3rd to the last) of the input tensor to match"
        raise fail(op, f"{text} {what}, but got {input.shape[-2]}", input=input)


def _signal(input: Tensor, n_fft: int, normalized: bool, one_sided: bool, return_complex: bool) -> Tensor:
    """(batch, window, place)."""
    norm, spectrum = "ortho" if normalized else "backward", input.transpose(-1, -2)
    if one_sided:
        return fft_c2r(spectrum, (2,), norm, True, n_fft)
    if return_complex:
        return fft_c2c(spectrum, (2,), norm, True)
    return fft_c2r(spectrum.narrow(-1, 0, n_fft // 2 + 1), (2,), norm, True, n_fft)


@composite(
    api="torch tensor", dtypes=dtypes.COMPLEX, samples=_inverse_samples, errors=_inverse_errors, reference=define.istft,
)  # fmt: skip
def istft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Tensor | None = None, center: bool = True, normalized: bool = False, onesided: bool | None = None,
    length: int | None = None, return_complex: bool = False,
) -> Tensor:  # fmt: skip
    """The signal of which `stft` made these transforms: the sum of its windows, over that of the squared factors.

    Args:
        input: (*, frequency, window), complex.
        n_fft: the length of a window with the zeros around it.
        hop_length: how far windows are apart; by default a quarter of `n_fft`.
        win_length: the length of a window; by default `n_fft`.
        window: its factors; by default ones.
        center: whether the signal was continued by half a window at both ends.
        normalized: whether transforms were divided by the root of `n_fft`.
        onesided: whether negative frequencies were left out; by default where there are fewer than `n_fft`.
        length: how many numbers are wanted; zeros where there are no more.
        return_complex: whether the signal is complex.

    Raises:
        RuntimeError: lengths that do not fit, or a place where the sum of the squared factors is 0.

    >>> import tritonnn as torch
    >>> w = torch.hann_window(4)
    >>> torch.istft(torch.stft(torch.ones(5), 4, window=w, return_complex=True), 4, window=w)
    tensor([1., 1., 1., 1., 1.])
    """
    if not input.dtype.is_complex:
        text = (
            "requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
        raise fail("istft", text, input=input)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if onesided is None and len(input.shape) > 1:
        onesided = input.shape[-2] != n_fft
    one_sided = _one_sided("istft", onesided, input, window, return_complex)
    if window is not None and window.dtype.is_complex and not return_complex:
        raise fail("istft", "Complex windows are incompatible with return_complex=False", window=window)
    _check_spectrum(input, n_fft, hop, win, window, one_sided)
    factors = _window_of("istft", input, n_fft, win, window)
    rows = input.unsqueeze(0) if len(input.shape) == 2 else input
    frames = _signal(rows, n_fft, normalized, one_sided, return_complex) * factors
    whole = n_fft + hop * (frames.shape[1] - 1)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else whole - (n_fft // 2 if center else 0)
    known = min(end, whole)
    signal = overlap_added(frames, 1, hop, whole).narrow(1, start, known - start)
    squares = (factors * factors).expand(1, frames.shape[1], n_fft)
    weights = overlap_added(squares, 1, hop, whole).narrow(1, start, known - start)
    least = float(every(weights).detach().abs().min())
    if not least > 1e-11:
        raise fail(
            "istft", f"window overlap add min: {least}, expected it above 1e-11 everywhere", input=input
        )
    signal = signal / weights
    if end > whole:
        warn_once(
            "istft length",
            "istft: The length of signal is shorter than the length parameter. Result is being padded with zeros in "
            "the tail. Please check your center and hop_length settings.",
        )
        signal = constant_pad_nd(signal, [0, end - whole])
    return signal.squeeze(0) if len(input.shape) == 2 else signal
