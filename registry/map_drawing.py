"""An agent's map as a drawing: three columns, what comes in on the left, the agent and its makings in the middle, what
goes out on the right."""

from dataclasses import dataclass

from registry.map import LANES, Map, Node

COLUMNS = (("caller", "data", "retrieval"), ("person", "model", "prompt"), ("tool", "call"))
WIDTH, BOX, TALL, GAP, HEAD, TOP = 960, 256, 46, 12, 26, 16
AGENT_TALL = 64


@dataclass(frozen=True)
class Box:
    """A node with its place."""

    node: Node
    x: int
    y: int
    line: str
    """The path of its tie to the agent; empty for what stands under the agent itself."""

    @property
    def title(self) -> str:
        """Its name, as far as it fits."""
        return _cut(self.node.title, 31)

    @property
    def sub(self) -> str:
        """Its second line: the first gap, else what it is."""
        gaps = self.node.gaps
        if not gaps:
            return _cut(self.node.sub, 38)
        more = f" (+{len(gaps) - 1})" if len(gaps) > 1 else ""
        return _cut(f"! {gaps[0].rstrip('.')}", 38 - len(more)) + more

    @property
    def text_x(self) -> int:
        """Where its words begin."""
        return self.x + 12

    @property
    def title_y(self) -> int:
        """The baseline of its name."""
        return self.y + 19

    @property
    def sub_y(self) -> int:
        """The baseline of its second line."""
        return self.y + 36


@dataclass(frozen=True)
class Drawing:
    """The map as boxes, lines and headings, in pixels of the SVG's own grid."""

    width: int
    height: int
    agent_x: int
    agent_y: int
    boxes: list[Box]
    heads: list[tuple[int, int, str]]
    box_width: int = BOX
    box_height: int = TALL
    agent_height: int = AGENT_TALL


def drawing(found: Map) -> Drawing:
    """Where everything stands. Nothing is measured: every box has the same size, and long names are cut."""
    columns = [[(lane, found.lane(lane)) for lane in lanes if found.lane(lane)] for lanes in COLUMNS]
    space = (WIDTH - 3 * BOX) // 2
    # A side where nothing stands takes no room.
    left = BOX + space if columns[0] else 0
    width = left + BOX + (space + BOX if columns[2] else 0)
    boxes, heads, height = [], [], TOP + AGENT_TALL
    agent_x, agent_y = left, TOP
    for i, lanes in enumerate(columns):
        x, y = left + (i - 1) * (BOX + space), TOP + (AGENT_TALL + 2 * GAP if i == 1 else 0)
        for lane, nodes in lanes:
            heads.append((x, y + 14, LANES[lane]))
            y += HEAD
            for node in nodes:
                boxes.append(Box(node, x, y, _line(i, x, y, agent_x, agent_y)))
                y += TALL + GAP
            y += GAP
        height = max(height, y)
    return Drawing(width, height + TOP, agent_x, agent_y, boxes, heads)


def _line(column: int, x: int, y: int, agent_x: int, agent_y: int) -> str:
    if column == 1:
        return ""
    middle, target = y + TALL // 2, agent_y + AGENT_TALL // 2
    start, end = (x + BOX, agent_x) if column == 0 else (x, agent_x + BOX)
    half = (start + end) // 2
    return f"M{start} {middle} C{half} {middle} {half} {target} {end} {target}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
