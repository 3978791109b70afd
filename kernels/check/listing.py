"""A disassembled kernel (SASS) as instructions, basic blocks and loops.

A loop is a set of blocks that reach each other (a strongly connected component of the graph of jumps); without
the jumps back to its first block, what still reaches each other is a loop inside it. This finds the blocks of a
loop wherever the assembler has put them, and needs no knowledge of where an indirect jump goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_LABEL = re.compile(r"^\s*(\.L_\w+|\$[\w$]+):")
_LINE = re.compile(
    r"^\s+/\*[0-9a-f]{4,6}\*/\s+(?:@!?(?P<guard>U?P\w+)\s+)?(?P<name>[A-Z][\w.]*)\s*(?P<operands>.*?);?\s*$"
)
_TARGET = re.compile(r"\.L_\w+")
_ENDS = ("EXIT", "RET", "BPT", "KILL")
# One thread's instructions to the matrix unit and to the copies of whole tiles.
ASYNCHRONOUS = ("UTCHMMA", "UTCQMMA", "UTCIMMA", "UTCOMMA", "UTMALDG", "UTMASTG", "UTMAREDG", "UTCBAR")
_WAITS = re.compile(r"TRYWAIT|TRY_ALLOC|FIND_AND_SET")
_LONGEST_WAIT = 8  # instructions of a loop that only asks again whether a barrier is passed
_WORKS = re.compile(r"UTC.?MMA|UTMA|LD|ST|[HQI]G?MMA|MUFU|F")
GROUPS = "USETMAXREG"


class Instruction(NamedTuple):
    """Name with modifiers ("LDG.E.128"), operands, and whether a predicate guards it."""

    name: str
    operands: str
    guarded: bool

    @property
    def base(self) -> str:
        """The name without modifiers."""
        return self.name.partition(".")[0]

    @property
    def conditional(self) -> bool:
        """Whether a jump may not be taken: `@P0 BRA`, or a predicate among its operands (`BRA.U UP0, ...`)."""
        return self.guarded or not self.operands.lstrip("`( ").startswith(".L_")


@dataclass
class Loop:
    """A loop.

    Attributes:
        blocks: by number. header: the first of them. depth: 1 for an outer loop. inner: the loops inside.
        back: jumps back to the header and to those of the loops inside.
    """

    blocks: set[int]
    header: int
    depth: int
    inner: list[Loop] = field(default_factory=list)
    back: set[tuple[int, int]] = field(default_factory=set)


class Listing:
    """A kernel's blocks of instructions, the jumps between them, and the group of warps that each is written for."""

    def __init__(self, text: str) -> None:
        instructions, labels = _parse(text)
        starts = sorted({0, *labels.values(), *[i + 1 for i, x in enumerate(instructions) if _jumps(x)]})
        starts = [s for s in starts if s < len(instructions)]
        number = {start: k for k, start in enumerate(starts)}
        self.blocks = [
            instructions[a:b] for a, b in zip(starts, [*starts[1:], len(instructions)], strict=True)
        ]
        places = {name: number[at] for name, at in labels.items() if at in number}
        self.jumps = [self._targets(k, places) for k in range(len(self.blocks))]
        # registers are handed over where the code of one group ends and that of another begins
        self.group, groups = [], 0
        for block in self.blocks:
            groups += any(x.base == GROUPS for x in block)
            self.group.append(groups)

    def _targets(self, k: int, places: dict[str, int]) -> set[int]:
        last = self.blocks[k][-1]
        following = {k + 1} if k + 1 < len(self.blocks) else set()
        if last.base in ("BRA", "BRX", "JMP", "JMX"):
            targets = {places[name] for name in _TARGET.findall(last.operands) if name in places}
            return targets | (following if last.base in ("BRA", "JMP") and last.conditional else set())
        if last.base in _ENDS and not last.guarded:
            return set()
        return following

    def loops(self) -> Iterator[Loop]:
        """All loops, outer ones first."""
        yield from self._inside(set(range(len(self.blocks))), set(), 1)

    def innermost(self) -> list[Loop]:
        """The loops that do work and have no such loop inside, by their first blocks.

        Loops that wait for a barrier are none, and what hands work to groups of warps is no level of `depth`.
        """
        found = [loop for loop in self.loops() if not self._waits(loop)]
        return sorted(
            (loop for loop in found if all(self._waits(inner) for inner in loop.inner)),
            key=lambda l: l.header,
        )

    def _waits(self, loop: Loop) -> bool:
        code = [x for k in loop.blocks for x in self.blocks[k]]
        if len(code) == 1:  # the jump to itself that fills the end of a kernel
            return True
        asks = any(_WAITS.search(x.name) for x in code) and not any(_WORKS.match(x.name) for x in code)
        return asks and len(code) <= _LONGEST_WAIT

    def _inside(self, blocks: set[int], cut: set[tuple[int, int]], depth: int) -> Iterator[Loop]:
        graph = {k: [t for t in self.jumps[k] if t in blocks and (k, t) not in cut] for k in blocks}
        for component in _components(graph):
            if len(component) == 1 and (k := next(iter(component))) not in graph[k]:
                continue
            entered = {
                t for k, to in enumerate(self.jumps) if k not in component for t in to if t in component
            }
            header = min(entered or component)
            back = {(k, header) for k in component if header in self.jumps[k]}
            hands_out = any(x.base == GROUPS for k in component for x in self.blocks[k])
            loop = Loop(component, header, depth - hands_out)
            inside = list(self._inside(component, cut | back, depth + 1 - hands_out))
            loop.inner = inside
            loop.back = back.union(*[inner.back for inner in inside])
            yield loop
            yield from inside

    def path(self, loop: Loop, weigh: Iterable[str]) -> list[int]:
        """The blocks of one way round a loop: of the ways with most instructions of the names in `weigh`, the shortest.

        What is done once a tile (writing it, within a loop over all steps of all tiles), on a barrier that is not
        passed at once, and by masks of an edge tile is jumped over in this way.
        """
        ends = {k for k, to in loop.back if to == loop.header}
        return self._best(loop.blocks, loop.header, ends, loop.back, tuple(weigh))

    def whole(self, weigh: Iterable[str]) -> list[int]:
        """The same from the first instruction of the kernel to its end; loops are gone through once."""
        ends = {
            k for k, to in enumerate(self.jumps) if not to or any(x.base == "EXIT" for x in self.blocks[k])
        }
        back = {jump for loop in self.loops() for jump in loop.back}
        return self._best(set(range(len(self.blocks))), 0, ends, back, tuple(weigh))

    def _best(
        self, blocks: set[int], start: int, ends: set[int], back: set[tuple[int, int]], weigh: tuple[str, ...]
    ) -> list[int]:
        graph = {k: [t for t in self.jumps[k] if t in blocks and (k, t) not in back] for k in blocks}
        best: dict[int, tuple[int, int]] = {start: self._weight(start, weigh)}
        before: dict[int, int] = {}
        for k in _ordered(graph, start):
            for t in graph[k]:
                gain = self._weight(t, weigh)
                reached = (best[k][0] + gain[0], best[k][1] + gain[1])
                if t not in best or reached > best[t]:
                    best[t], before[t] = reached, k
        k = max(ends & set(best), key=lambda end: best[end])
        way = [k]
        while k != start:
            k = before[k]
            way.append(k)
        return way[::-1]

    def _weight(self, k: int, weigh: tuple[str, ...]) -> tuple[int, int]:
        return sum(x.name.startswith(weigh) for x in self.blocks[k]), -len(self.blocks[k])

    def of_one_warp(self, loop: Loop, way: list[int]) -> set[int]:
        """Blocks on a way that only the warp takes whose thread starts copies or products of whole tiles."""
        ends = {k for k, to in loop.back if to == loop.header}
        found = set()
        for k in way[1:]:
            if k not in ends and any(x.base in ASYNCHRONOUS for x in self.blocks[k]):
                graph = {b: [t for t in self.jumps[b] if t in loop.blocks and t != k and (b, t) not in loop.back]
                         for b in loop.blocks}  # fmt: skip
                if ends & set(_ordered(graph, loop.header)):
                    found.add(k)
        return found


def _jumps(x: Instruction) -> bool:
    return x.base in ("BRA", "BRX", "JMP", "JMX", "BSYNC", *_ENDS)


def _parse(text: str) -> tuple[list[Instruction], dict[str, int]]:
    instructions: list[Instruction] = []
    labels = {}
    for line in text.splitlines():
        if label := _LABEL.match(line):
            labels[label[1]] = len(instructions)
        elif code := _LINE.match(line):
            instructions.append(Instruction(code["name"], code["operands"], bool(code["guard"])))
    return instructions, labels


def _ordered(graph: dict[int, list[int]], start: int, seen: set[int] | None = None) -> list[int]:
    """What is reached from `start` but not in `seen`; in a graph without cycles, each after all that lead to it."""
    done: list[int] = []
    seen = set() if seen is None else seen
    seen.add(start)
    stack = [(start, iter(graph[start]))]
    while stack:
        k, rest = stack[-1]
        following = next((t for t in rest if t not in seen), None)
        if following is None:
            done.append(k)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(graph[following])))
    return done[::-1]


def _components(graph: dict[int, list[int]]) -> Iterator[set[int]]:
    """Sets of nodes that reach each other (Kosaraju: the order of leaving, then the reversed graph)."""
    order: list[int] = []
    seen: set[int] = set()
    for node in graph:
        if node not in seen:
            order = _ordered(graph, node, seen) + order
    backward: dict[int, list[int]] = {k: [] for k in graph}
    for k, targets in graph.items():
        for t in targets:
            backward[t].append(k)
    taken: set[int] = set()
    for node in order:
        if node not in taken:
            component = _ordered(backward, node, taken)
            yield set(component)
