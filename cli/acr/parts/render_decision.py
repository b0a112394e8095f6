"""A reviewer's decision."""

from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.service_client import Answer, require_data


def render_decision(answer: Answer, as_json: bool) -> None:
    """Raises AnswerError if it is a refusal."""
    data = require_data(answer)
    if as_json:
        print_json(answer)
        return
    say(f"{data['canonical_id']}@{data['version']} {data['decisions'][-1]['decision']}: {data['visibility']}")
