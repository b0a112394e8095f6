"""The executor over HTTP: the routes, and who may use them."""

from starlette.applications import Starlette
from starlette.routing import Route

from arcrun_http.app import build_service_app
from arcrun_http.auth import require_api_key
from executor.run_handlers import RunHandlers
from executor.service import ExecutorService
from executor.workflow_handlers import WorkflowHandlers


def build_app(service: ExecutorService, api_key: str | None) -> Starlette:
    """The ASGI app. Without `api_key` every management route refuses. A webhook's token is its own permission."""
    runs, workflows, protected = RunHandlers(service), WorkflowHandlers(service), require_api_key(api_key)
    webhook = "/webhooks/{token}"
    routes = [
        Route(f"{webhook}/trigger", runs.trigger, methods=["POST"]),
        Route("/execute", protected(runs.execute), methods=["POST"]),
        Route("/webhooks/named/{name}/trigger", protected(runs.trigger_by_name), methods=["POST"]),
        Route("/runs", protected(runs.list), methods=["GET"]),
        Route("/runs/{run_id}", protected(runs.show), methods=["GET"]),
        Route("/validate", protected(workflows.validate), methods=["POST"]),
        Route("/webhooks", protected(workflows.push), methods=["POST"]),
        Route("/webhooks", protected(workflows.list), methods=["GET"]),
        Route("/webhooks/named/{name}/rollback", protected(workflows.roll_back), methods=["POST"]),
        Route(webhook, protected(workflows.show), methods=["GET"]),
        Route(webhook, protected(workflows.replace), methods=["PUT"]),
        Route(webhook, protected(workflows.delete), methods=["DELETE"]),
        Route(f"{webhook}/rotate", protected(workflows.rotate), methods=["POST"]),
    ]
    return build_service_app(routes)
