"""What `acr upgrade` has done to a file, for people."""

from acr.output.terminal import say
from acr.workflows.upgrade import Upgrade


def render_upgrade(file: str, result: Upgrade, *, is_written: bool) -> None:
    """What was written goes to stdout, what is to be looked at to stderr."""
    verb = "" if is_written else "would be "
    for item in result.filled:
        say(f"{file}: {verb}added to {item.node}: {item.line}")
    for spelling in result.respelt:
        say(f"{file}:{spelling.line}: {verb}marked: {spelling.told}")
    for node, fields in result.from_trigger.items():
        say(f"{file}: {node}: whoever triggers could set {', '.join(fields)}, and cannot any more", err=True)
    for component in result.unknown:
        say(f"{file}: nothing is known of the component {component}: look at its node yourself", err=True)
    for line in result.unnamed:
        say(f"{file}: `{line}` does not name its list: write FOREACH item IN path", err=True)
    if not result.filled and not result.respelt:
        say(f"{file}: nothing to write out", err=True)
