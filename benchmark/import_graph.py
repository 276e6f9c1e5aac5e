"""The import graph in numbers, of this checkout or another:  python -m benchmark import_graph

Looks at every Python file outside tests, without importing any; imports inside functions count.
Floors: modules on the longest chain of imports, circles counted as one floor.  Circles: groups of
modules that import each other in a ring.  Upward arrows: imports between top folders that lie
against `ORDER`, from a lower folder to a higher one (or between `training` and `evaluation`, which
are side by side); the commands of the top folder lie above all but demo and benchmark.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

# From the lowest to the highest; folders in one entry stand side by side.
ORDER = (
    {"util"}, {"options"}, {"data_loader", "model"}, {"preprocess"}, {"inference"},
    {"training", "evaluation", "library"}, {"web"}, {"commands"}, {"demo"}, {"benchmark"},
)  # fmt: skip
ALLOWED = {("model", "data_loader")}  # model/task reads batches and vocabularies
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}

Graph = Mapping[str, set[str]]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Print a table of the folders."""
    graph, lines = read_graph(Path(options.root))
    found = measure(graph)
    rooms = Counter(room_of(name) for name in graph)
    print(f"{'folder':12}{'modules':>8}{'lines':>8}")
    for room, count in sorted(rooms.items(), key=lambda pair: LEVEL.get(pair[0], -1)):
        print(f"{room:12}{count:8}{sum(lines[n] for n in graph if room_of(n) == room):8,}")
    for name, others in sorted(found["upward_arrows"].items()):
        print(f"upward: {name} -> {', '.join(others)}")
    for ring in found["circles"]:
        print(f"circle: {', '.join(ring)}")
    found["circles"] = len(found["circles"])
    found["upward_arrows"] = sum(map(len, found["upward_arrows"].values()))
    return {**found, "lines": sum(lines.values())}


def read_graph(root: Path) -> tuple[dict[str, set[str]], dict[str, int]]:
    """What each module imports of the others, and its number of lines; empty ones are left out."""
    rooms = [folder for folder in root.iterdir() if folder.name in LEVEL]
    paths = [*root.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
    text: dict[str, str] = {}
    for path in paths:
        if code := path.read_text().strip():
            parts = path.relative_to(root).with_suffix("").parts
            text[".".join(parts).removesuffix(".__init__")] = code
    graph = {name: {*imported(code, text.keys())} - {name} for name, code in text.items()}
    return graph, {name: len(code.splitlines()) for name, code in text.items()}


def imported(code: str, modules: Iterable[str]) -> Iterable[str]:
    """The modules that a module names in its imports."""
    for node in ast.walk(ast.parse(code)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in inside]
        yield from (name for name in names if name in modules)


def measure(graph: Graph) -> dict[str, Any]:
    """Modules, arrows, floors, circles and upward arrows of a graph."""
    reach = {name: {*others} for name, others in graph.items()}
    for between, name in product(graph, graph):  # Warshall's closure
        if between in reach[name]:
            reach[name] |= reach[between]
    rings = {n: frozenset({n, *(o for o in reach[n] if n in reach[o])}) for n in graph}

    @cache
    def floor(ring: frozenset[str]) -> int:
        below = {rings[other] for name in ring for other in graph[name]} - {ring}
        return 1 + max(map(floor, below), default=0)

    upward = {name: [o for o in sorted(graph[name]) if is_upward(name, o)] for name in graph}
    return {
        "modules": len(graph),
        "arrows": sum(map(len, graph.values())),
        "floors": max(map(floor, rings.values())),
        "circles": sorted(sorted(ring) for ring in {*rings.values()} if len(ring) > 1),
        "upward_arrows": {name: others for name, others in upward.items() if others},
    }


def is_upward(name: str, other: str) -> bool:
    """Whether an import goes from a folder to a higher one, or to one beside it."""
    one, two = room_of(name), room_of(other)
    return one != two and (one, two) not in ALLOWED and LEVEL[two] >= LEVEL[one]


def room_of(name: str) -> str:
    """The top folder of a module; `commands` of those in none."""
    room = name.partition(".")[0]
    return room if room in LEVEL else "commands"
