"""A client of the executor's HTTP API."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from acr.config.project_file import read_variables
from acr.errors import CliError
from acr.targets.saved_request import SavedRequest
from acr.targets.service_client import TIMEOUT_S, Answer, ServiceClient, require_data
from acr.targets.settings import Target
from arcrun.engine.run_id import is_run_id, time_of

GRACE_S = 10  # how long to wait for an answer beyond the run's timeout
MAX_PAGE = 100  # of GET /audit and GET /runs; the latter searches at most five pages per request
MAX_REQUESTS = 10
SHOWN_TIMES = 5
NOTE_TIMEOUT_S = 10
EVENTS = "text/event-stream"
# A record is written after the answer: at a first start that may take a second or two.
NEW_MS, LOOKS, LOOK_AGAIN_S = 15_000, 6, 0.5

OnBegun = Callable[[str], None]


def _note(_run_id: str) -> None:
    """Ignore that a run has begun."""


@dataclass(frozen=True)
class StoreName:
    """The store of a workflow, or a shared one."""

    name: str
    is_shared: bool = False

    @property
    def path(self) -> str:
        return f"/stores/{'shared' if self.is_shared else 'workflow'}/{quote(self.name, safe='')}"

    def __str__(self) -> str:
        return f"the {'shared store' if self.is_shared else 'store of'} {self.name}"


class ExecutorClient(ServiceClient):
    def __init__(
        self, target: Target, transport: httpx.BaseTransport | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        super().__init__(target.url, target.api_key, "executor", transport, timeout_s)

    def validate(self, workflow: str, file: str, others: Sequence[str] = ()) -> Answer:
        """Check a workflow. The data is {"valid", "diagnostics"}; each diagnostic has `file`. The workflows named
        `others` count as stored.
        """
        together = {"workflows": [*others]} if others else {}
        return self._send("POST", "/validate", {"workflow": workflow, "file": file, **together, **_name_variables()})

    def push(self, workflow: str, file: str | None = None, *, is_forced: bool = False) -> Answer:
        """Store a workflow. `file` is the path that it comes from, in its project. If `is_forced`, it replaces one that
        was pushed from another file.
        """
        return self.push_source(workflow, file, read_variables(), is_forced=is_forced)

    def push_source(
        self, source: Any, file: str | None, variables: Mapping[str, Any], *, is_forced: bool = False
    ) -> Answer:
        """Store a workflow, text or object, with other variables than the project's."""
        told = {"workflow": source, "file": file, "force": is_forced or None, "vars": dict(variables) or None}
        return self._send("POST", "/webhooks", {key: value for key, value in told.items() if value is not None})

    def execute(
        self, workflow: str, input_value: Any, timeout_ms: int | None = None, on_begun: OnBegun = _note
    ) -> Answer:
        """Run a workflow that is not stored. The answer also has "run_id" and "trace". `on_begun` is called with the
        run's id as soon as it has begun.
        """
        body = {"workflow": workflow, "input": input_value, **_name_variables()}
        return self._send("POST", "/execute", body, on_begun, timeout_ms=timeout_ms, trace=1)

    def trigger(
        self,
        name: str,
        input_value: Any,
        timeout_ms: int | None = None,
        on_begun: OnBegun = _note,
        *,
        wait_ms: int | None = None,
    ) -> Answer:
        """Run a stored workflow by name, like `execute`. A durable run that has not ended after `wait_ms` is answered
        with its id alone.
        """
        query = {"timeout_ms": timeout_ms, "wait_ms": wait_ms, "trace": 1}
        return self._send("POST", _trigger_path(name), input_value, on_begun, **query)

    def start(self, name: str, input_value: Any, timeout_ms: int | None = None) -> Answer:
        """Run a stored workflow by name without waiting: the answer comes at once, with the run's id."""
        return self._send("POST", _trigger_path(name), input_value, None, timeout_ms=timeout_ms, **{"async": 1})

    def play(
        self, name: str, request: SavedRequest, timeout_ms: int | None = None, *, is_async: bool = False
    ) -> httpx.Response:
        """The answer of a workflow's webhook to a request, with the trace. Raises AnswerError WORKFLOW_NOT_FOUND."""
        token = self.find_token(name)
        asked = {"trace": "1", "async": "1" if is_async else "", "timeout_ms": str(timeout_ms or "")}
        query = "&".join(f"{key}={value}" for key, value in asked.items() if value)
        path = f"/webhooks/{token}/trigger{request.rest}{'&' if '?' in request.rest else '?'}{query}"
        timeout_s = max(self._timeout_s, (timeout_ms or 0) / 1000 + GRACE_S)
        return self.fetch_as_it_is(request.method, path, request.headers, request.body, timeout_s)

    def cancel(self, run_id: str) -> Answer:
        """Let a run end."""
        return self._send("POST", f"/runs/{quote(run_id, safe='')}/cancel", {})

    def dismiss(self, run_id: str) -> Answer:
        """Deal with a dead letter by hand."""
        return self._send("POST", f"/runs/{quote(run_id, safe='')}/dismiss", {})

    def count_unsettled(self) -> tuple[dict[str, int], dict[str, int], dict[str, str]]:
        """How many dead letters and queued runs each workflow has that has any, and the id of its last run that has
        failed. An executor of the release before tells of none.
        """
        answer = self._send("GET", "/runs/unsettled")
        if not answer["success"]:
            return {}, {}, {}
        return answer["data"]["dead"], answer["data"]["queued"], answer["data"].get("failed", {})

    def send_event(self, run_id: str, event: str, payload: Any, event_id: str | None) -> Answer:
        """Send an event to an accepted run; one of the same id only once."""
        path = f"/runs/{quote(run_id, safe='')}/events/{quote(event, safe='')}"
        headers = {} if event_id is None else {"Idempotency-Key": event_id}
        return self.send("POST", path, json=payload, headers=headers)

    def replay(
        self, run_id: str, asked: Mapping[str, Any], on_begun: OnBegun = _note, *, dry_run: bool = False
    ) -> Answer:
        """Run a run again. `asked` is {"from", "version", "input"}, all optional. It answers as `trigger` or, if the
        replay was accepted, as `start`, with "replay_of". A dry run's data is {"replay_of", "workflow", "version",
        "accepted", "taken_over", "runs"}.
        """
        path = f"/runs/{quote(run_id, safe='')}/replay"
        return self._send("POST", path, dict(asked), on_begun, trace=1, dry_run=1 if dry_run else None)

    def retry(
        self, run_id: str, on_begun: OnBegun = _note, *, is_forced: bool = False, dry_run: bool = False
    ) -> Answer:
        """Run again what has failed of a run, also if that was done before if it `is_forced`. Answers as `replay`."""
        path, body = f"/runs/{quote(run_id, safe='')}/retry", {"force": True} if is_forced else {}
        return self._send("POST", path, body, on_begun, trace=1, dry_run=1 if dry_run else None)

    def decide(self, run_id: str, node: str, decision: str, data: Any = None) -> Answer:
        """Decide about a call that a crash cut off. `data` is what a skipped node answers."""
        told = {"decision": decision, **({} if data is None else {"data": data})}
        return self._send("POST", f"/runs/{quote(run_id, safe='')}/decisions/{quote(node)}", told)

    def list_approvals(self, run_id: str) -> Answer:
        """What a run asks people now: {"approvals": [{"node", "title", "text", "choices", "approvers"}]}."""
        return self._send("GET", f"/runs/{quote(run_id, safe='')}/approvals")

    def approve(self, run_id: str, node: str, choice: str, comment: str) -> Answer:
        """Decide as the owner what people are asked."""
        told = {"choice": choice, "comment": comment}
        return self._send("POST", f"/runs/{quote(run_id, safe='')}/approvals/{quote(node)}", told)

    def resume_runs(self) -> int:
        """Go on with the accepted runs that have not ended; returns how many there are."""
        count: int = require_data(self._send("POST", "/runs/resume", {}))["runs"]
        return count

    def pause(self, name: str | None, on_trigger: str) -> Answer:
        """Pause a workflow's webhook, or with None those of all. `on_trigger` is "refuse" or "queue"."""
        return self._send("POST", f"{_workflow_path(name)}/pause", {"on_trigger": on_trigger})

    def resume(self, name: str | None) -> Answer:
        """End the pause of a workflow, or with None that of all. The data is {"released"} and, of one, {"paused"}, of
        all {"still_paused"}.
        """
        return self._send("POST", f"{_workflow_path(name)}/resume", {})

    def list_schedules(self, count: int = SHOWN_TIMES) -> list[dict[str, Any]]:
        """The schedules of all workflows, each with its next `count` times. An executor of the release before has none.
        Raises AnswerError.
        """
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            answer = self._send("GET", "/schedules", count=count, cursor=cursor)
            if not answer["success"] and answer["error"]["code"] == "NOT_FOUND":
                return found
            data = require_data(answer)
            found += data["schedules"]
            cursor = data["cursor"]
            if cursor is None:
                return found

    def show_schedules(self, name: str, count: int = SHOWN_TIMES) -> list[dict[str, Any]]:
        """Those of a workflow. Raises AnswerError WORKFLOW_NOT_FOUND."""
        found: list[dict[str, Any]] = require_data(self._send("GET", _schedules_path(name), count=count))["schedules"]
        return found

    def pause_schedules(self, name: str) -> list[dict[str, Any]]:
        """As they are then. Raises AnswerError NO_SCHEDULES, WORKFLOW_NOT_FOUND."""
        return self._change_schedules(name, "pause")

    def resume_schedules(self, name: str) -> list[dict[str, Any]]:
        """As they are then. Raises AnswerError NO_SCHEDULES, WORKFLOW_NOT_FOUND."""
        return self._change_schedules(name, "resume")

    def _change_schedules(self, name: str, action: str) -> list[dict[str, Any]]:
        answer = self._send("POST", f"{_schedules_path(name)}/{action}", {})
        found: list[dict[str, Any]] = require_data(answer)["schedules"]
        return found

    def run_schedule(self, name: str, number: int) -> Answer:
        """Start a run now, as the schedule of that number would. The answer has "run_id"; its data says whether that
        is a "poll".
        """
        return self._send("POST", f"{_schedules_path(name)}/run", {"number": number})

    def find_seen(self, name: str) -> dict[str, Any]:
        """What is known of a workflow's watch. Raises AnswerError NO_WATCH."""
        seen: dict[str, Any] = require_data(self._send("GET", f"{_schedules_path(name)}/seen"))
        return seen

    def add_seen(self, name: str, seen: Mapping[str, Any]) -> bool:
        """Take it over from another platform. False if the workflow watches something else."""
        is_kept: bool = require_data(self._send("PUT", f"{_schedules_path(name)}/seen", seen))["kept"]
        return is_kept

    def roll_back(self, name: str, version: int) -> Answer:
        return self._send("POST", f"/webhooks/named/{quote(name, safe='')}/rollback", {"version": version})

    def list_workflows(self) -> list[dict[str, Any]]:
        """All workflows: [{"name", "version", "latest", "updated_at", "format", "calls", "file", "token",
        "webhook_url", "paused"}].

        `calls` and `file` are None if they are unknown. Raises AnswerError.
        """
        return self._list_all("/webhooks", "workflows")

    def _list_all(self, path: str, name: str) -> list[dict[str, Any]]:
        """What all pages of a list have as `name`. Raises AnswerError."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            data = require_data(self._send("GET", path, cursor=cursor))
            found += data[name]
            cursor = data["cursor"]
            if cursor is None:
                return found

    def show_workflow(self, name: str) -> Answer:
        """The data is {"name", "version", "latest", "token", "webhook_url", "updated_at", "file", "calls", "workflow",
        "versions", "called_by", "refused", "vars", "steps"}.
        """
        return self._send("GET", f"/webhooks/named/{quote(name, safe='')}")

    def show_version(self, name: str, version: int) -> Answer:
        """The data is {"name", "version", "pushed_at", "workflow", "vars"}; a release before it tells no `vars`."""
        return self._send("GET", f"/webhooks/named/{quote(name, safe='')}/versions/{version}")

    def find_token(self, name: str) -> str:
        """The token of a workflow's webhook. Raises AnswerError WORKFLOW_NOT_FOUND."""
        return str(require_data(self.show_workflow(name))["token"])

    def rotate_token(self, token: str, chosen: str | None = None) -> Answer:
        """Replace a token, by a new one or by that of another platform."""
        return self._send("POST", f"/webhooks/{token}/rotate", None if chosen is None else {"token": chosen})

    def delete_workflow(self, token: str, *, purges_store: bool = False) -> Answer:
        return self._send("DELETE", f"/webhooks/{token}", purge_store=1 if purges_store else None)

    def create_key(self, name: str, can: str, workflow: str | None, lifetime_s: int | None) -> Answer:
        """Make an access key. The data is as in `list_keys`, with the `key` itself."""
        body = {"name": name, "can": can, "workflow": workflow, "expires_in_s": lifetime_s}
        return self._send("POST", "/keys", {key: value for key, value in body.items() if value is not None})

    def list_keys(self) -> list[dict[str, Any]]:
        """The access keys: {"name", "can", "workflow", "id", "created_at", "expires_at", "last_used_at"}. Raises
        AnswerError.
        """
        keys: list[dict[str, Any]] = require_data(self._send("GET", "/keys"))["keys"]
        return keys

    def revoke_key(self, name: str) -> Answer:
        return self._send("DELETE", f"/keys/{quote(name, safe='')}")

    def make_session_link(self, *, read_only: bool) -> dict[str, Any]:
        """A link that signs a browser in, once: {"url", "expires_at"}. Raises AnswerError; CliError NO_CONSOLE of an
        executor of the release before.
        """
        answer = self._send("POST", "/session/links", {"read_only": read_only})
        if not answer["success"] and answer["error"]["code"] in ("NOT_FOUND", "METHOD_NOT_ALLOWED"):
            raise CliError("This platform has no console yet.", "Deploy this release: acr deploy", "NO_CONSOLE")
        link: dict[str, Any] = require_data(answer)
        return link

    def list_sessions(self) -> list[dict[str, Any]]:
        """The sessions of browsers: {"id", "can", "workflow", "read_only", "key_id", "created_at", "expires_at",
        "last_used_at"}. Raises AnswerError.
        """
        sessions: list[dict[str, Any]] = require_data(self._send("GET", "/sessions"))["sessions"]
        return sessions

    def revoke_sessions(self, session_id: str) -> Answer:
        """End a session; with "" all, and the data is {"revoked"}: how many there were."""
        return self._send("DELETE", f"/sessions/{quote(session_id, safe='')}" if session_id else "/sessions")

    def list_stores(self) -> list[dict[str, Any]]:
        """All stores: {"kind", "name", "entries", "bytes"}. Raises AnswerError."""
        return self._list_all("/stores", "stores")

    def list_entries(self, store: StoreName, prefix: str, limit: int) -> list[dict[str, Any]]:
        """Entries of a store, at most `limit`: {"key", "bytes", "expires_ms"}. Raises AnswerError."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(found) < limit:
            size = min(MAX_PAGE, limit - len(found))
            data = require_data(self._send("GET", store.path, prefix=prefix or None, limit=size, cursor=cursor))
            found += data["entries"]
            cursor = data["cursor"]
            if cursor is None:
                break
        return found

    def read_entries(self, store: StoreName) -> Iterator[dict[str, Any]]:
        """All entries of a store, page by page: {"key", "value", "expires_ms", "bytes"}. Raises AnswerError."""
        cursor: str | None = ""
        while cursor is not None:
            data = require_data(self._send("GET", store.path, values=1, cursor=cursor or None))
            yield from data["entries"]
            cursor = data["cursor"]

    def put_entries(self, store: StoreName, entries: Sequence[Mapping[str, Any]]) -> None:
        """Put {"key", "value", "ttl"}, at most MAX_STORE_VALUES of them. Raises AnswerError."""
        require_data(self._send("PUT", f"{store.path}/entries", {"entries": list(entries)}))

    def show_entry(self, store: StoreName, key: str) -> Answer:
        """The data is {"key", "value"}."""
        return self._send("GET", f"{store.path}/entry", key=key)

    def put_entry(self, store: StoreName, key: str, value: Any, ttl: str | None) -> Answer:
        """The data is {"key", "was_there", "has_workflow"}: whether the store is one that a workflow has, or shared."""
        body = {"value": value, **({} if ttl is None else {"ttl": ttl})}
        return self._send("PUT", f"{store.path}/entry", body, key=key)

    def delete_entry(self, store: StoreName, key: str) -> Answer:
        return self._send("DELETE", f"{store.path}/entry", key=key)

    def purge_store(self, store: StoreName) -> Answer:
        """The data is {"deleted"}: how many entries it had."""
        return self._send("DELETE", store.path)

    def purge_all_stores(self) -> Answer:
        return self._send("DELETE", "/stores", all=1)

    def list_runs(self, asked: Mapping[str, Any], limit: int, max_requests: int = MAX_REQUESTS) -> list[dict[str, Any]]:
        """The verdicts of at most `limit` runs, newest first. `asked` is the query (docs/language.md).

        Stops after `max_requests` requests. Raises AnswerError.
        """
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(max_requests):
            size = min(MAX_PAGE, limit - len(found))
            data = require_data(self._send("GET", "/runs", **asked, limit=size, cursor=cursor))
            found += data["runs"]
            cursor = data["cursor"]
            if cursor is None or len(found) >= limit:
                break
        return found[:limit]

    def examine(self) -> list[dict[str, Any]]:
        """What the executor finds when it examines itself: [{"name", "ok", "warns", "detail", "hint"}].

        Raises AnswerError.
        """
        checks: list[dict[str, Any]] = require_data(self._send("GET", "/checks"))["checks"]
        return checks

    def read_usage(self) -> dict[str, Any]:
        """{"plan", "usage": [{"name", "used", "most", "is_estimate"}], "unwritten"}, the last
        {"count", "last_at", "reason"} of the records that the answering Worker could not write, if there are any.

        Raises AnswerError.
        """
        usage: dict[str, Any] = require_data(self._send("GET", "/usage"))
        return usage

    def renew_data_keys(self) -> dict[str, Any] | None:
        """Rewrap the data keys that seal runs' inputs. Returns {"data_keys", "lost", "key"}, where `key` is the
        fingerprint of the executor's encryption key; None if it stores no inputs. Raises AnswerError.
        """
        renewed: dict[str, Any] | None = require_data(self._send("POST", "/data-keys/renew"))
        return renewed

    def find_run(self, run_id: str) -> dict[str, Any] | None:
        """What is stored of a run now, None if nothing is. Raises AnswerError."""
        answer = self._send("GET", f"/runs/{run_id}")
        if not answer["success"] and answer["error"]["code"] == "RUN_NOT_FOUND":
            return None
        found: dict[str, Any] = require_data(answer)
        return found

    def show_run(self, run_id: str) -> Answer:
        """The stored record of a run. That of one which has just ended may still be on its way."""
        for _ in range(LOOKS):
            answer = self._send("GET", f"/runs/{run_id}")
            if answer["success"] or not _is_new(run_id) or answer["error"]["code"] != "RUN_NOT_FOUND":
                break
            time.sleep(LOOK_AGAIN_S)
        return answer

    def stream_follow(self, run_id: str, last_id: str | None) -> Iterator[str]:
        """The lines of a run's events, from behind the one with `last_id`, for a minute at most. Raises AnswerError."""
        return self.stream_lines(
            f"/runs/{run_id}/follow", EVENTS, {} if last_id is None else {"Last-Event-ID": last_id}
        )

    def show_input(self, run_id: str) -> Answer:
        """What a run was started with. The data is {"input"}."""
        return self._send("GET", f"/runs/{run_id}/input")

    def list_audit(self, limit: int) -> list[dict[str, Any]]:
        """Lines of the audit log, newest first. Raises AnswerError."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(found) < limit:
            size = min(MAX_PAGE, limit - len(found))
            data = require_data(self._send("GET", "/audit", limit=size, cursor=cursor))
            found += data["lines"]
            cursor = data["cursor"]
            if cursor is None:
                break
        return found

    def try_credential(self, name: str, auth: Mapping[str, str] | None, url: str | None) -> Answer:
        """Use a stored credential for real: to fetch a token, or to ask a URL with it."""
        given = {"auth": auth, "url": url}
        return self._send("POST", f"/credentials/{name}/try", {key: value for key, value in given.items() if value})

    def note_audit(self, action: str, subjects: Sequence[str]) -> Answer:
        """Add audit lines for writes that bypassed the executor."""
        return self.send(
            "POST", "/audit", timeout_s=NOTE_TIMEOUT_S, json={"action": action, "subjects": list(subjects)}
        )

    def _send(self, method: str, path: str, body: Any = None, on_begun: OnBegun | None = None, **query: Any) -> Answer:
        asked = {key: value for key, value in query.items() if value is not None}
        timeout_s = max(self._timeout_s, asked.get("timeout_ms", 0) / 1000 + GRACE_S)
        if on_begun is not None:
            return self.send_for_lines(method, path, on_begun, timeout_s=timeout_s, json=body, params=asked)
        return self.send(method, path, timeout_s=timeout_s, json=body, params=asked)


def _is_new(run_id: str) -> bool:
    """Whether a run has begun so recently that its record may be written only now."""
    return is_run_id(run_id) and abs(time.time() * 1000 - time_of(run_id)) < NEW_MS


def _trigger_path(name: str) -> str:
    return f"/webhooks/named/{quote(name, safe='')}/trigger"


def _schedules_path(name: str) -> str:
    return f"/schedules/{quote(name, safe='')}"


def _workflow_path(name: str | None) -> str:
    return "/webhooks" if name is None else f"/webhooks/named/{quote(name, safe='')}"


def _name_variables() -> dict[str, Any]:
    """The project's `vars` as a body has them: an executor of the release before knows none."""
    variables = read_variables()
    return {"vars": dict(variables)} if variables else {}
