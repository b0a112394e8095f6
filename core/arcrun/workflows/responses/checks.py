"""Checks what `response` reads: it is evaluated when the run has ended, or has led to `respond`."""

from arcrun.errors import TemplateError
from arcrun.interruptible import Steps
from arcrun.templates.template import CREDENTIAL
from arcrun.workflows.diagnostics import Path
from arcrun.workflows.graph import ENDED, HAS_FAILED, RESPONDED
from arcrun.workflows.model import TEMPLATE_STEPS, compile_in_steps
from arcrun.workflows.references import ERROR, ReferenceChecker
from arcrun.workflows.responses.model import Response

_TELLING = ((ERROR,), (ERROR, "message"))  # what has messages of services in it


def check_response(response: Response, checker: ReferenceChecker) -> Steps[None]:
    end = RESPONDED if checker.workflow.responds else ENDED
    yield from _check(response, checker, end, ("response",))
    if response.on_failure is None:
        return
    if ERROR in checker.workflow.nodes:
        message = f"in `on_failure`, `{ERROR}` is why the run failed, and a node has that name"
        checker.findings.add("INVALID_RESPONSE", message, "Give the node another name.", at=("response", "on_failure"))
    yield from _check(response.on_failure, checker, HAS_FAILED, ("response", "on_failure"))


def _check(response: Response, checker: ReferenceChecker, end: str, at: Path) -> Steps[None]:
    findings = checker.findings
    own = {key: value for key, value in response.to_json().items() if key != "on_failure"}
    for path, template in (yield from compile_in_steps(own)).items():
        place = (*at, *path)
        if isinstance(template, TemplateError):
            message = f"in `response`: {template.message.rstrip('.')}"
            findings.add("INVALID_TEMPLATE", message, template.next_actions[0], at=place)
            continue
        if secret := next((it for it in template.references if it.head == CREDENTIAL), None):
            message = f"{{{{{secret.path}}}}} would be sent to whoever calls the webhook"
            findings.add("INVALID_RESPONSE", message, "A response cannot have a credential.", at=place)
            continue
        if path == ("status",) and not (template.whole and template.kind in (None, "integer", "number")):
            findings.add("INVALID_RESPONSE", "`status` is a text, not a number", "status: 200", at=place)
        checker.check(template.references, end, place)
        if end == HAS_FAILED and any(
            it.head == ERROR and it.steps[1:] in ((), ("message",)) for it in template.references
        ):
            message = "the message of the error is in the answer, so anyone with the webhook's URL can see it"
            findings.warn(
                "ANSWER_SHOWS_ERROR", message, "Answer {{error.code}}, or the run's id: {{run.id}}.", at=place
            )
        yield TEMPLATE_STEPS * len(template.references) + checker.take_steps()
