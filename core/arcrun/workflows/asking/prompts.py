"""What nodes that ask a model have in their config: a key that is a credential, and a prompt that is the author's."""

from collections.abc import Mapping
from typing import Any

from arcrun.templates.template import CREDENTIAL, Template
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import INPUT, Node

KEY, PROMPTS = "api_key", ("system", "prompt")
# What whoever starts a run has written.
_FROM_OUTSIDE = (INPUT, "request")


def check_model(node: Node, config: Mapping[str, Any], findings: Findings) -> None:
    """Report a key that stands in the workflow, and warn of a prompt with what comes from outside."""
    if KEY in config and config[KEY] is not None and not _is_credential(node.templates.get((KEY,))):
        message = f"`{KEY}` of {node.told} must be a credential: in the workflow everybody who can read it has the key"
        hint = f'{KEY}: "{{{{credential.openai}}}}", and: acr creds set openai. A service that needs no key gets none.'
        findings.add("INVALID_INPUT", message, hint, at=(*node.at, KEY))
    for name in PROMPTS:
        template = node.templates.get((name,))
        read = template.references if isinstance(template, Template) else ()
        found = next((reference for reference in read if reference.head in _FROM_OUTSIDE), None)
        if found is not None:
            message = f"`{name}` of {node.told} has {{{{{found.path}}}}}, which the model takes for your own words"
            hint = f'Give it as data, which is no instruction: data: {{text: "{{{{{found.path}}}}}"}}.'
            findings.warn("PROMPT_FROM_OUTSIDE", message, hint, at=(*node.at, name))


def _is_credential(template: object) -> bool:
    return isinstance(template, Template) and any(it.head == CREDENTIAL for it in template.references)
