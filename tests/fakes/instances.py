"""The instances of the Workflow of runs, which a test runs itself."""

from collections.abc import Collection, Mapping
from random import Random
from typing import Any

from simulation.world import Instance, Isolate

from arcrun.errors import ArcrunError, NotFoundError, UpstreamError
from arcrun.ports import RunInstance
from executor.durable.run_workflow import run_workflow
from executor.service import ExecutorService


class FakeInstances:
    """`stored` has what is stored of each, `params` what it was created with. While it `fails`, perhaps
    with an error, it creates none.
    `woken` has (id, what was done), in order; those in `ended` have ended without their run.
    """

    def __init__(self) -> None:
        self.stored: dict[str, Instance] = {}
        self.params: dict[str, Mapping[str, Any]] = {}
        self.woken: list[tuple[str, str]] = []
        self.ended: set[str] = set()
        self.outputs: dict[str, str] = {}  # of those that are complete
        self.fails: ArcrunError | bool = False

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        if isinstance(self.fails, ArcrunError):
            raise self.fails
        if self.fails:
            raise UpstreamError("The Workflow does not answer.", code="WORKFLOWS_FAILED")
        if instance_id in self.params:
            return False
        self.stored[instance_id], self.params[instance_id] = Instance(), params
        return True

    async def create_batch(self, instances: Mapping[str, Mapping[str, Any]]) -> Collection[str]:
        return [each for each, params in instances.items() if await self.create(each, params)]

    async def status(self, instance_id: str) -> RunInstance | None:
        if instance_id not in self.params:
            return None
        if instance_id in self.outputs:
            return RunInstance("complete", self.outputs[instance_id])
        return RunInstance("errored" if instance_id in self.ended else "running")

    async def send_event(self, instance_id: str, event_type: str, payload: Any) -> None:
        self.woken.append((instance_id, event_type))
        self.stored[instance_id].wake(event_type)

    async def pause(self, instance_id: str) -> None:
        if instance_id not in self.params:
            raise NotFoundError(f"There is no instance {instance_id}.", code="INSTANCE_NOT_FOUND")
        self.woken.append((instance_id, "pause"))

    async def resume(self, instance_id: str) -> None:
        self.woken.append((instance_id, "resume"))

    async def terminate(self, instance_id: str) -> None:
        self.woken.append((instance_id, "terminate"))

    async def delete(self, instance_id: str) -> None:
        self.params.pop(instance_id, None)

    async def run(self, service: ExecutorService, run_id: str) -> Isolate:
        """Run an instance to its end, as the platform would, in an isolate of its own."""
        isolate = Isolate(Random(run_id), None, self.stored[run_id])
        self.outputs[run_id] = await run_workflow(service, self.params[run_id], isolate)
        return isolate
