"""Where the parts of a YAML text stand: a path such as ("config", "grab", "url") -> line and column."""

from dataclasses import dataclass

import yaml

Path = tuple[str | int, ...]
Place = tuple[int | None, int | None]


@dataclass(frozen=True)
class Places:
    """Over PyYAML's node tree; None for a workflow that came as an object, whose parts have no place."""

    root: yaml.Node | None = None

    def find(self, path: Path) -> Place:
        """Line and column, from 1, of the part at `path`, or of the nearest part around it that is there."""
        if self.root is None:
            return None, None
        node, mark = self.root, self.root.start_mark
        for step in path:
            inner = _descend(node, step)
            if inner is None:
                break
            node, mark = inner
        return mark.line + 1, mark.column + 1


def _descend(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Mark] | None:
    """The child and where it begins: for an entry of a mapping, at its key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark
    return None
