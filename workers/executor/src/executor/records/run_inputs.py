"""Seals the inputs of runs, which are stored for replays and contain every secret that the caller sent; and answers,
which are kept for repetitions of a request.

They are encrypted under a data key, which the first object of the RunLog stores wrapped under ARCRUN_ENCRYPTION_KEY: a
change of that key re-wraps the data key and leaves the inputs unchanged. A data key that none of the platform's keys
opens is replaced; inputs under it are unreadable unless the old key returns.

Inputs that are written together are sealed together, because each call of the platform's cipher takes 0.1 ms: the
newest of the runs, which is deleted last, stores all of them, and the others refer to it.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from arcrun.credentials.record import (
    IV_BYTES,
    KEY_BYTES,
    SealedCredential,
    fingerprint_of,
    parse_encryption_key,
    parse_sealed,
    render_record,
)
from arcrun.errors import ArcrunError, DecryptionError, NotConfiguredError
from arcrun.ports import Cipher, Random
from arcrun.run_log.protocol import DataKey, RunLogObject
from executor.records.runs import RenewedKeys, build_unknown_run_error

_NUMBER_BYTES = 4
_TOGETHER = 1 << 31  # flag in the data key's number: several inputs are sealed together, or an occasion with one
_OCCASION = " occasion"  # behind a run's id
_NAMES = b"="  # prefix of the id of the run that stores the input; no number begins with this byte
_KEY_PURPOSE = b"data key of runs' inputs"

NONE: Mapping[str, bytes] = {}

logger = logging.getLogger("arcrun")


class RunInputs:
    """`encryption_key` and `previous_key` are the Worker's variables; without the first no input is stored."""

    def __init__(
        self,
        keeper: RunLogObject,
        encryption_key: str | None,
        previous_key: str | None,
        build_cipher: Callable[[bytes], Cipher],
        random: Random,
    ) -> None:
        self._keeper, self._build_cipher, self._random = keeper, build_cipher, random
        self._encryption_key, self._previous_key = encryption_key, previous_key
        self._known: dict[int, Cipher] = {}  # by the data key's number
        self._is_off = not encryption_key

    async def seal(self, inputs: Mapping[str, bytes], occasions: Mapping[str, bytes] = NONE) -> dict[str, bytes]:
        """Seal inputs, as JSON, by run id; returns the bytes to store for each. `occasions` (occasions.py) are those of
        some of the same runs. Several runs must be deleted in the order of their ids.

        A value is the data key's number (4 bytes), the IV (12 bytes) and the ciphertext, which is bound to this run; or
        "=" and the id of the run that stores it. The result is empty if there is no key or it is not available now: the
        record is then stored without an input.
        """
        if self._is_off or not inputs:
            return {}
        if not self._known and not await self._is_loaded():
            return {}
        number, iv, holder = max(self._known), self._random.token_bytes(IV_BYTES), max(inputs)
        content, mark = inputs[holder], 0
        if len(inputs) > 1 or occasions:
            besides = ((f"{run_id}{_OCCASION}", each) for run_id, each in occasions.items())
            named = (f'"{name}":'.encode() + each for name, each in (*inputs.items(), *besides))
            content, mark = b"{" + b",".join(named) + b"}", _TOGETHER
        ciphertext = await self._known[number].encrypt(content, iv, _purpose(holder))
        kept = (number | mark).to_bytes(_NUMBER_BYTES) + iv + ciphertext
        return {**dict.fromkeys(inputs, _NAMES + holder.encode()), holder: kept}

    async def open(self, run_id: str, holder: str, sealed: bytes) -> Any:
        """The run's input, from the sealed bytes of `holder`. Raises NotFoundError RUN_NOT_FOUND, DecryptionError,
        NotConfiguredError.
        """
        return (await self.open_beginning(run_id, holder, sealed))[0]

    async def open_beginning(self, run_id: str, holder: str, sealed: bytes) -> tuple[Any, Mapping[str, Any]]:
        """The run's input and its occasion as JSON, empty if it has none. Raises the same."""
        marked, rest = int.from_bytes(sealed[:_NUMBER_BYTES]), sealed[_NUMBER_BYTES:]
        number = marked & ~_TOGETHER
        cipher = await self._find_cipher(number)
        opened = await cipher.decrypt(rest[IV_BYTES:], rest[:IV_BYTES], _purpose(holder))
        content = json.loads(opened) if marked & _TOGETHER else {holder: json.loads(opened)}
        if run_id not in content:  # a batch that was assumed lost was written after its replacement
            raise build_unknown_run_error(run_id)
        return content[run_id], content.get(f"{run_id}{_OCCASION}", {})

    async def seal_part(self, purpose: str, content: bytes) -> bytes | None:
        """Seal another part of a run, to which `purpose` binds it: a value as for a single input. None if there is no
        key or it is not available.
        """
        if self._is_off or (not self._known and not await self._is_loaded()):
            return None
        number, iv = max(self._known), self._random.token_bytes(IV_BYTES)
        return number.to_bytes(_NUMBER_BYTES) + iv + await self._known[number].encrypt(content, iv, purpose.encode())

    async def open_part(self, purpose: str, sealed: bytes) -> bytes:
        """Raises DecryptionError, NotConfiguredError."""
        cipher = await self._find_cipher(int.from_bytes(sealed[:_NUMBER_BYTES]))
        rest = sealed[_NUMBER_BYTES:]
        return await cipher.decrypt(rest[IV_BYTES:], rest[:IV_BYTES], purpose.encode())

    async def _find_cipher(self, number: int) -> Cipher:
        if number not in self._known:
            await self._load()
        if number not in self._known:
            raise DecryptionError("The key that the run's input was sealed under can no longer be opened.")
        return self._known[number]

    async def _is_loaded(self) -> bool:
        try:
            await self._load()
        except ArcrunError as error:
            self._is_off = isinstance(error, NotConfiguredError)
            logger.warning("Inputs of runs are not stored: %s", error.message)
            return False
        return True

    async def renew(self) -> RenewedKeys:
        """Wrap all data keys under the current encryption key. Raises NotConfiguredError."""
        kept = await self._keeper.list_data_keys()
        known = await self._open_all(kept)
        current = parse_encryption_key(self._encryption_key)
        return RenewedKeys(len(kept), len(kept) - len(known), fingerprint_of(current))

    async def _load(self) -> None:
        kept = await self._keeper.list_data_keys()
        known = await self._open_all(kept)
        newest = max((each["number"] for each in kept), default=0)
        if newest not in known:
            current = self._wrapping_ciphers()[0]
            wrapped = await self._wrap(current, self._random.token_bytes(KEY_BYTES))
            counting = await self._keeper.add_data_key(newest + 1, wrapped)
            key = await _unwrap(current, counting)
            if key is None:  # another isolate was first, with another key
                raise NotConfiguredError("Two isolates of the platform have different encryption keys.")
            known[newest + 1] = self._build_cipher(key)
        self._known = known

    async def _open_all(self, kept: Sequence[DataKey]) -> dict[int, Cipher]:
        """The data keys' ciphers by number. Keys under the previous encryption key are re-wrapped."""
        current, *previous = self._wrapping_ciphers()
        known: dict[int, Cipher] = {}
        for each in kept:
            key = await _unwrap(current, each["wrapped"])
            if key is None and previous and (key := await _unwrap(previous[0], each["wrapped"])) is not None:
                wrapped = await self._wrap(current, key)
                await self._keeper.rewrap_data_key(each["number"], each["wrapped"], wrapped)
            if key is not None:
                known[each["number"]] = self._build_cipher(key)
            else:
                logger.warning("No encryption key opens data key %d: inputs of runs under it are lost", each["number"])
        return known

    def _wrapping_ciphers(self) -> list[Cipher]:
        """The ciphers of the current and, if set, the previous encryption key. Raises NotConfiguredError."""
        keys = [self._encryption_key, *([self._previous_key] if self._previous_key else [])]
        return [self._build_cipher(parse_encryption_key(key)) for key in keys]

    async def _wrap(self, cipher: Cipher, key: bytes) -> str:
        iv = self._random.token_bytes(IV_BYTES)
        return render_record(SealedCredential(await cipher.encrypt(key, iv, _KEY_PURPOSE), iv))


def holder_of(sealed: bytes) -> str | None:
    """The id of the run that stores the input; None if `sealed` is itself the input."""
    return sealed.removeprefix(_NAMES).decode() if sealed.startswith(_NAMES) else None


def _purpose(run_id: str) -> bytes:
    return f"input of run {run_id}".encode()


def answer_of(run_id: str) -> str:
    return f"answer of run {run_id}"


def end_of(run_id: str) -> str:
    return f"answer at the end of run {run_id}"


def decision_of(run_id: str, node: str) -> str:
    return f"decision of run {run_id}: {node}"


def values_of(run_id: str) -> str:
    return f"values of run {run_id}"


def passed_on_of(run_id: str) -> str:
    return f"answer of run {run_id} for its followers"


def start_of(run_id: str) -> str:
    return f"start of run {run_id}"


def attachment_of(run_id: str, number: int) -> str:
    return f"attachment {number} of run {run_id}"


async def _unwrap(cipher: Cipher, wrapped: str) -> bytes | None:
    with suppress(DecryptionError, ValueError):
        sealed = parse_sealed(wrapped)
        return await cipher.decrypt(sealed.ciphertext, sealed.iv, _KEY_PURPOSE)
    return None
