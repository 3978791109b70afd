"""Sums of products by the Einstein convention, contracted pair by pair as batched matrix products."""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.linalg._contraction_order import contraction_order
from tritonnn.ops.linalg.linalg import PRODUCTS, matmul_nd
from tritonnn.ops.shape.shape import expand_as_size, view_or_copy
from tritonnn.shape import numel


@composite(
    api="torch", dtypes=PRODUCTS,
    samples=lambda make: [Sample("ij,jk->ik", make(2, 3), make(3, 4)),
                          Sample("bij,bjk->bik", make(2, 3, 4), make(2, 4, 2)),
                          Sample("ii->i", make(3, 3)), Sample("ii", make(3, 3)), Sample("...ij->...ji", make(2, 3, 4)),
                          Sample("i,j->ij", make(3), make(2)),
                          Sample("bhqd,bhkd->bhqk", make(2, 2, 3, 4), make(2, 2, 5, 4)),
                          Sample("ij,jk,kl->il", make(2, 3), make(3, 2), make(2, 2)), Sample("ij->", make(2, 3)),
                          Sample("ij,ij->i", make(2, 3), make(2, 3))],
    errors=lambda make: [Bad("ij,jk->ik", make(2, 3), make(4, 2), match="subscript j has size 3 .* 4"),
                         Bad("ij->ik", make(2, 3), match="output subscript k"),
                         Bad("ij,jk", make(2, 3), match="operands"),
                         Bad("ij", error=ValueError, match="at least one operand"),
                         Bad("i", 1, error=TypeError, match="must be Tensor, not int")],
    reference=np.einsum,
)  # fmt: skip
def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sum of products by the Einstein convention: letters name dimensions, those not in the output are summed.

    >>> import tritonnn as torch
    >>> torch.einsum('ij,j->i', torch.eye(2), torch.tensor([1., 2.]))
    tensor([1., 2.])
    """
    if not isinstance(equation, str):
        if not isinstance(equation, Tensor) or not operands:
            tensors_only("einsum", equation=equation)
        equation, operands = _sublists(equation, operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        message = "must specify the equation string and at least one operand"
        raise fail("einsum", message, kind=ValueError)
    for operand in operands:
        tensors_only("einsum", operands=operand)
    try:
        terms, result = _subscripts(equation, tuple([len(operand.shape) for operand in operands]))
    except Invalid as invalid:
        raise fail("einsum", str(invalid)) from None
    extents: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        if len(term) != len(operand.shape):
            raise fail("einsum", f"{len(term)} subscripts for an operand of {len(operand.shape)} dimensions")
        for letter, extent in zip(term, operand.shape, strict=True):
            have = extents.get(letter, 1)
            if have not in (1, extent) and extent != 1:
                raise fail(
                    "einsum",
                    f"subscript {letter} has size {have} in one operand and {extent} in another, "
                    "which does not broadcast",
                )
            extents[letter] = have if extent == 1 else extent
    pairs = [_diagonal(operand, term) for operand, term in zip(operands, terms, strict=True)]
    if len(pairs) == 1:
        total, letters = _sum_out(*pairs[0], set(result))
        return total.permute([letters.index(letter) for letter in result]) if result else total
    total, letters = _contracted(pairs, result)
    return total if letters == result else total.permute([letters.index(letter) for letter in result])


def _contracted(pairs: list[tuple[Tensor, str]], result: str) -> tuple[Tensor, str]:
    """Two or more operands, with the letters of their dimensions, as one."""
    turn, given = len(pairs) == 2, len(pairs)
    for places in contraction_order(pairs, result):
        # What has been computed stands behind those that were given, and is the first factor.
        first, *rest = [pairs[place] for place in sorted(places, key=lambda place: (place < given, place))]
        given -= sum(place < given for place in places)
        pairs = [pair for place, pair in enumerate(pairs) if place not in places]
        total, letters = first
        for number, (operand, term) in enumerate(rest):
            later = set(result).union(*[letters for _, letters in (*rest[number + 1 :], *pairs)])
            total, letters = _sum_apart(total, letters, later | set(term))
            total, letters = _contract(total, letters, operand, term, later, result, turn)
        pairs.append((total, letters))
    return pairs[0]


def _sublists(first: Any, rest: tuple) -> tuple[str, tuple]:
    """einsum(x, [0, 1], y, [1, 2], [0, 2]) in the notation with letters."""
    values = [first, *rest]
    for place, term in enumerate(values):
        if (place % 2 or (place == len(values) - 1 and len(values) % 2)) and not isinstance(
            term, (list, tuple)
        ):
            kind = type(term).__name__
            raise fail(
                "einsum", f"expected a list of subscripts at position {place + 1}, got {kind}", kind=TypeError
            )
    name = lambda term: "".join("..." if i is Ellipsis else _letter(i) for i in term)
    operands = tuple(values[0 : len(values) // 2 * 2 : 2])
    equation = ",".join(name(term) for term in values[1::2])
    return (equation + "->" + name(values[-1]) if len(values) % 2 else equation), operands


def _letter(subscript: Any) -> str:
    if isinstance(subscript, bool) or not hasattr(subscript, "__index__"):
        kind = type(subscript).__name__
        raise fail("einsum", f"subscripts must be integers or Ellipsis, got {kind}", kind=TypeError)
    number = subscript.__index__()
    if not 0 <= number < 52:
        text = f"subscript in subscript list is not within the valid range [0, 52), got {number}"
        raise fail("einsum", text, kind=ValueError)
    return _LETTERS[number]


_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_SPARE = [chr(code) for code in range(0x391, 0x3C9) if chr(code).isalpha()]


@lru_cache(maxsize=1024)
def _subscripts(equation: str, ranks: tuple[int, ...]) -> tuple[list[str], str]:
    """A letter per dimension of each operand and of the result; those of '...' get capital names of their own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    for term in (*terms, right):
        letters = term.replace("...", "", 1)
        wrong = next((c for c in letters if c not in _LETTERS), None)
        if wrong == ".":
            raise Invalid(
                f"found '.' in '{term}' of '{equation}' that is not part of the one ellipsis a term may have"
            )
        if wrong is not None:
            raise Invalid(f"invalid subscript '{wrong}' in '{equation}': subscripts must be in [a-zA-Z]")
    if len(terms) != len(ranks):
        raise Invalid(f"'{equation}' has {len(terms)} terms but {len(ranks)} operands were given")
    widest = 0
    for term, rank in zip(terms, ranks, strict=True):
        named = len(term.replace("...", ""))
        if "..." in term:
            widest = max(widest, rank - named)
        elif named != rank:
            raise Invalid(
                f"the number of subscripts in '{term}' ({named}) does not match the number of dimensions ({rank}) for "
                f"operand {terms.index(term)} and no ellipsis was given"
            )
        if "..." in term and named > rank:
            raise Invalid(
                f"the number of subscripts in '{term}' ({named}) is more than the number of dimensions ({rank}) of "
                f"operand {terms.index(term)}"
            )
    filled = []
    for term, rank in zip(terms, ranks, strict=True):
        count = rank - len(term.replace("...", ""))
        filled.append(term.replace("...", "".join(_SPARE[widest - count : widest])))
    if arrow:
        result = right.replace("...", "".join(_SPARE[:widest]))
    else:
        joined = "".join(terms).replace(".", "")
        result = "".join(_SPARE[:widest]) + "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    for letter in result:
        if result.count(letter) > 1 or not any(letter in term for term in filled):
            raise Invalid(f"output subscript {letter} appears twice or in no operand of '{equation}'")
    return filled, result


def _diagonal(operand: Tensor, term: str) -> tuple[Tensor, str]:
    """Repeated letters of one operand taken as a diagonal."""
    while len(set(term)) < len(term):
        letter = next(c for c in term if term.count(c) > 1)
        first = term.index(letter)
        second = term.index(letter, first + 1)
        operand = operand.diagonal(0, first, second)
        term = "".join(c for i, c in enumerate(term) if i not in (first, second)) + letter
    return operand, term


def _sum_out(operand: Tensor, letters: str, needed: set[str]) -> tuple[Tensor, str]:
    gone = [i for i, letter in enumerate(letters) if letter not in needed]
    if not gone:
        return operand, letters
    return operand.sum(gone), "".join(c for c in letters if c in needed)


def _contract(
    a: Tensor, left: str, b: Tensor, right: str, needed: set[str], result: str, turn: bool
) -> tuple[Tensor, str]:
    """One batched matrix product: shared letters that are needed later are its batch, the other shared ones summed.

    Memory lies in the order of the output where one product can make it, so that the output may be viewed; `turn` says
    that columns may come before rows.
    """
    b, right = _sum_apart(b, right, needed | set(left))
    summed = any(c in right and c not in needed for c in left)
    for letter in [c for c in left if c in right and c not in needed]:
        ours, theirs = a.shape[left.index(letter)], b.shape[right.index(letter)]
        if ours == 1 or theirs == 1:  # summed in one operand, if at all
            a, left = _one_out(a, left, letter)
            b, right = _one_out(b, right, letter)
    place = {c: i for i, c in enumerate(result)}
    ranked = lambda letters: sorted(letters, key=lambda c: (place.get(c, len(result)), c))
    shared = [c for c in left if c in right]
    batch = ranked(c for c in shared if c in needed)
    inner = [c for c in shared if c not in needed]
    rows = ranked(c for c in left if c not in right)
    columns = ranked(c for c in right if c not in left)
    if not inner:
        order = (*batch, *rows, *columns)
        return _product(a, left, b, right, order if summed else tuple(ranked(order)))
    if turn and rows and columns and ranked((columns[-1], rows[0]))[0] == columns[-1]:
        a, left, rows, b, right, columns = b, right, columns, a, left, rows
    sizes_a, sizes_b = tuple(a.shape), tuple(b.shape)
    size = {c: _common(sizes_a[left.index(c)], sizes_b[right.index(c)]) for c in shared}
    first = _ordered(_grown(a, left, size), [left.index(c) for c in (*batch, *rows, *inner)])
    second = _ordered(_grown(b, right, size), [right.index(c) for c in (*batch, *inner, *columns)])
    nb, nr, ni = len(batch), len(rows), len(inner)
    whole, other = tuple(first.shape), tuple(second.shape)
    batch_shape, row_shape, column_shape = whole[:nb], whole[nb : nb + nr], other[nb + ni :]
    inner_size = numel(whole[nb + nr :])
    product = matmul_nd(
        _shaped(first, (*batch_shape, numel(row_shape), inner_size)),
        _shaped(second, (*batch_shape, inner_size, numel(column_shape))),
    )
    contracted = _shaped(product, (*batch_shape, *row_shape, *column_shape))
    return contracted, "".join((*batch, *rows, *columns))


def _common(ours: int, theirs: int) -> int:
    """The extent of two that broadcast."""
    return theirs if ours == 1 else ours


def _sum_apart(operand: Tensor, letters: str, needed: set[str]) -> tuple[Tensor, str]:
    """Sums over letters of this operand only; what has extent 1 just goes, and truth values stay such."""
    for letter in [
        c for c, extent in zip(letters, operand.shape, strict=True) if extent == 1 and c not in needed
    ]:
        operand, letters = _one_out(operand, letters, letter)
    return _sum_out(operand, letters, needed)


def _one_out(operand: Tensor, letters: str, letter: str) -> tuple[Tensor, str]:
    place = letters.index(letter)
    operand = operand.select(place, 0) if operand.shape[place] == 1 else operand.sum(place)
    return operand, letters.replace(letter, "")


def _product(a: Tensor, left: str, b: Tensor, right: str, order: tuple[str, ...]) -> tuple[Tensor, str]:
    """Element times element where nothing is summed, which promotes as `a * b` does."""
    return _spread(a, left, order) * _spread(b, right, order), "".join(order)


def _spread(operand: Tensor, letters: str, order: tuple[str, ...]) -> Tensor:
    operand = _ordered(operand, [letters.index(c) for c in order if c in letters])
    extents = iter(operand.shape)
    return _shaped(operand, tuple([next(extents) if c in letters else 1 for c in order]))


def _ordered(operand: Tensor, order: list[int]) -> Tensor:
    return operand if order == sorted(order) else operand.permute(order)


def _shaped(operand: Tensor, shape: tuple[int, ...]) -> Tensor:
    return operand if operand.shape == shape else view_or_copy(operand, shape)


def _grown(operand: Tensor, letters: str, size: dict[str, int]) -> Tensor:
    shape = tuple([size.get(c, n) for c, n in zip(letters, operand.shape, strict=True)])
    return operand if operand.shape == shape else expand_as_size(operand, shape)
