"""Submissions: a component is reviewed; if it passes every step it is signed, stored and listed for its author.

Keys and values: docs/storage-schema.md. The bytes are written first, then the record, then the index, which
publishes the version: a submission that is interrupted before has no effect.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import NotFoundError
from arcrun.interruptible import run_steps_pausing
from arcrun.ports import BlobStore, Clock, KeyValue, Random, Signer
from arcrun.registry.attestation import Attested, build_statement, sign_statement, signing_key_id_of
from arcrun.registry.package import Package, build_package, contract_key, module_key
from arcrun.registry.review import Bench, Review, review_component
from arcrun.times import render_time
from arcrun.wasm.component import build_in_steps
from arcrun.wasm.seal import metered_key
from arcrun.yaml_text import parse_json_or_yaml
from registry.callers import Caller
from registry.refusals import build_conflict, build_refusal
from registry.registry_object import RegistryObject


@dataclass(frozen=True)
class Submitted:
    """An accepted submission's record. `is_new` is False if the same bytes were accepted before."""

    record: Mapping[str, Any]
    is_new: bool


@dataclass(frozen=True)
class Submissions:
    state: RegistryObject
    records: KeyValue
    modules: BlobStore
    bench: Bench
    signer: Signer
    clock: Clock
    random: Random

    async def submit(self, caller: Caller, contract_text: str, module: bytes) -> Submitted:
        """Review and accept a component. Raises SubmissionError, ConflictError VERSION_EXISTS or ID_TAKEN."""
        package = build_package(contract_text, module)
        known = await self.state.find_same(caller.id, package.sha256, package.contract_sha256)
        if known is not None:
            await self._meter_again(package)
            return Submitted(await read_record(self.records, known), is_new=False)
        review = await review_component(package.contract_text, module, self.bench)
        if not review.accepted:
            raise build_refusal(review)
        return await self._accept(caller, package, review)

    async def find(self, caller: Caller, submission_id: str) -> dict[str, Any]:
        """The record with "visibility", "decisions" and "owner". Raises NotFoundError SUBMISSION_NOT_FOUND."""
        found = await self.state.find_submission(caller.id, caller.is_reviewer, submission_id)
        if found is None:
            raise NotFoundError(
                f"There is no submission `{submission_id[:40]}`.",
                code="SUBMISSION_NOT_FOUND",
                next_actions=["Use the submission_id in the answer of POST /submit."],
            )
        record = await read_record(self.records, submission_id)
        return {**record, **{name: found[name] for name in ("visibility", "owner", "decisions")}}

    async def describe_key(self) -> dict[str, str]:
        """The key that verifies attestations: {"algorithm", "key_id", "public_key"}."""
        key = await self.signer.public_key()
        return {"algorithm": "Ed25519", "key_id": signing_key_id_of(key), "public_key": base64.b64encode(key).decode()}

    async def _accept(self, caller: Caller, package: Package, review: Review) -> Submitted:
        assert review.contract is not None
        assert review.component is not None
        contract, submitted_at = review.contract, render_time(self.clock.now_ms())
        attested = Attested(
            contract.canonical_id, contract.version, package.sha256, package.contract_sha256, contract.is_javascript
        )
        record = {
            "submission_id": f"sub_{self.random.token_bytes(12).hex()}",
            **attested.to_json(),
            "submitted_at": submitted_at,
            "steps": [step.to_json() for step in review.steps],
            "attestation": await sign_statement(build_statement(attested, review.steps, submitted_at), self.signer),
        }
        metered = review.component.module
        await asyncio.gather(
            self._keep(module_key(package.sha256, is_javascript=contract.is_javascript), package.module),
            *([] if metered is None else [self._keep(metered_key(package.sha256), metered)]),
            self._keep(contract_key(package.contract_sha256), package.contract_text.encode()),
        )
        submission_id = str(record["submission_id"])
        await self.records.put(record_key(submission_id), json.dumps(record, ensure_ascii=False))
        answer = await self.state.add(_describe(caller, contract, record))
        if answer["outcome"] == "added":
            return Submitted(record, is_new=True)
        await self.records.delete(record_key(submission_id))
        if answer["outcome"] == "same":  # submitted concurrently
            return Submitted(await read_record(self.records, answer["submission_id"]), is_new=False)
        raise build_conflict(answer["outcome"], contract)

    async def _meter_again(self, package: Package) -> None:
        """Meter and store a module that was accepted under an earlier metering version."""
        key, contract = metered_key(package.sha256), parse_contract(parse_json_or_yaml(package.contract_text))
        if not contract.is_javascript and await self.modules.etag(key) is None:
            steps = build_in_steps(contract, package.module)
            component = await run_steps_pausing(steps, self.clock.pause)
            assert component.module is not None
            await self._keep(key, component.module)

    async def _keep(self, key: str, content: bytes) -> None:
        """Store content under its hash, unless it is stored. R2 refuses a second write to a key within a second."""
        if await self.modules.etag(key) is not None:
            return
        try:
            await self.modules.put(key, content)
        except Exception:
            if await self.modules.etag(key) is None:  # otherwise it was submitted concurrently
                raise


def _describe(caller: Caller, contract: Contract, record: Mapping[str, Any]) -> dict[str, Any]:
    """A version as the index stores it."""
    searched = (contract.canonical_id, contract.display_name, contract.description, *contract.tags, *contract.aliases)
    copied = ("submission_id", "canonical_id", "sha256", "contract_sha256", "submitted_at")
    return {
        **{name: record[name] for name in copied},
        "owner": caller.id,
        "number": int(contract.version[1:]),
        "category": contract.category,
        "words": "\n".join(searched).casefold().encode("utf-8", "replace").decode(),
        "summary": {
            "display_name": contract.display_name,
            "description": contract.description,
            "author": contract.author,
            "stability": contract.stability,
            "tags": list(contract.tags),
            "aliases": list(contract.aliases),
            "credentials_required": [credential.key for credential in contract.credentials_required],
            **({"runtime": contract.runtime} if contract.is_javascript else {}),
        },
    }


def record_key(submission_id: str) -> str:
    """The key of a submission's immutable record in SUBMISSIONS_KV. Shape: docs/storage-schema.md."""
    return f"submission:{submission_id}"


async def read_record(records: KeyValue, submission_id: str) -> dict[str, Any]:
    """{"submission_id", "canonical_id", "version", "steps", "attestation", ...}; only the id if KV is behind."""
    text = await records.get(record_key(submission_id))
    return json.loads(text) if text else {"submission_id": submission_id}
