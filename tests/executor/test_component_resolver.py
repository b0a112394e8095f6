"""Proves where a component comes from (the bundle, then the bucket), how long it is cached, the errors for missing and
unreadable ones, and that a module is metered once for all isolates.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from arcrun.errors import ArcrunError
from arcrun.interruptible import STRETCH_UNITS
from arcrun.limits import MAX_CACHED_MODULE_BYTES, MAX_METERED_ON_USE_BYTES
from arcrun.wasm.component import Component, build_component
from arcrun.wasm.seal import metered_key, seal_module
from executor.components import FRESH_MS, ComponentResolver
from fakes.contracts import build_contract, contract_source
from fakes.executor import build_bundle, upload_component
from fakes.modules import COMMAND, build_module, pad_module
from fakes.ports.background import FakeBackground
from fakes.ports.storage import InMemoryR2, PlatformLimitError
from fakes.ports.system import FixedClock

pytestmark = pytest.mark.anyio

MODULE = build_module()
NEWER = build_module(f'{COMMAND} (func (export "newer"))')
METERED = build_component(build_contract(), MODULE).module or b""
METERED_KEY = metered_key(hashlib.sha256(MODULE).hexdigest())


class ComponentSource:
    """A resolver over fakes. With `bucket` it is another isolate's resolver over the same bucket."""

    def __init__(self, *bundled: str, bucket: InMemoryR2 | None = None) -> None:
        self.clock, self.background = FixedClock(), FakeBackground()
        self.bucket = bucket or InMemoryR2(self.clock)
        self.resolver = ComponentResolver(build_bundle(*bundled), self.bucket, self.clock, self.background)

    def upload(self, reference: str, module: bytes = MODULE, **overrides: Any) -> None:
        upload_component(self.bucket, reference, module, **overrides)

    def keep_metered(self, module: bytes) -> bytes:
        """Store the metered module as `acr deploy` does, and return it."""
        metered = build_component(build_contract(), module).module
        assert metered is not None
        self.bucket.upload(metered_key(hashlib.sha256(module).hexdigest()), metered)
        return metered

    async def find(self, reference: str) -> Component:
        return await self.resolver.find(reference)

    async def refusal(self, reference: str) -> ArcrunError:
        with pytest.raises(ArcrunError) as caught:
            await self.resolver.find(reference)
        return caught.value


@pytest.mark.parametrize("reference", ["echo", "echo@v1"])
async def test_a_bundled_component_is_found_without_the_bucket(reference: str) -> None:
    source = ComponentSource("echo")
    source.upload(reference)
    component = await source.find(reference)
    assert (component.id, component.sha256, component.module) == ("echo", "sha256-of-echo", None)
    assert source.bucket.reads == []


async def test_a_bundled_contract_is_parsed_once() -> None:
    source = ComponentSource("echo")
    assert await source.find("echo") is await source.find("echo@v1")


async def test_another_version_than_the_bundled_one_comes_from_the_bucket() -> None:
    source = ComponentSource("echo")
    source.upload("echo@v2", version="v2")
    component = await source.find("echo@v2")
    assert component.contract.version == "v2"
    assert component.module is not None


@pytest.mark.parametrize("reference", ["other", "other@v3"])
async def test_what_is_not_bundled_comes_from_the_bucket(reference: str) -> None:
    source = ComponentSource("echo")
    source.upload(reference)
    component = await source.find(reference)
    assert component.id == "other"
    assert source.bucket.reads == [f"get {reference}.wasm", f"get {reference}.contract.yaml", f"get {METERED_KEY}"]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(json.dumps, id="JSON"),
        pytest.param(yaml.safe_dump, id="YAML"),
        pytest.param(lambda source: json.dumps(source, indent=2), id="indented JSON"),
        pytest.param(lambda source: "# a comment\n" + yaml.safe_dump(source, allow_unicode=True), id="commented YAML"),
    ],
)
async def test_a_contract_is_json_or_yaml(write: Any) -> None:
    source = ComponentSource()
    source.bucket.upload("echo.wasm", MODULE)
    source.bucket.upload("echo.contract.yaml", write(contract_source(display_name="回聲 é")).encode())
    assert (await source.find("echo")).contract.display_name == "回聲 é"


@pytest.mark.parametrize(
    ("uploaded", "looked_in"),
    [
        pytest.param(
            [],
            ["bundle: 2 components", "bucket: x.wasm is not there", "bucket: x.contract.yaml is not there"],
            id="nothing",
        ),
        pytest.param(
            ["x.wasm"],
            ["bundle: 2 components", "bucket: x.wasm is there", "bucket: x.contract.yaml is not there"],
            id="no contract",
        ),
        pytest.param(
            ["x.contract.yaml"],
            ["bundle: 2 components", "bucket: x.wasm is not there", "bucket: x.contract.yaml is there"],
            id="no module",
        ),
    ],
)
async def test_a_component_that_is_not_found(uploaded: list[str], looked_in: list[str]) -> None:
    source = ComponentSource("a", "b")
    for key in uploaded:
        source.bucket.upload(key, b"{}")
    error = await source.refusal("x")
    assert (error.http_status, error.to_json()) == (
        404,
        {
            "code": "COMPONENT_NOT_FOUND",
            "message": "There is no component `x`.",
            "retriable": False,
            "next_actions": [
                "Check the spelling against the list of components: acr parts list",
                "Or publish your own to the registry: acr parts publish DIR",
            ],
            "details": {"component": "x", "looked_in": looked_in},
        },
    )


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("", id="empty"),
        pytest.param("echo@v9", id="version of a bundled one"),
        pytest.param("../echo", id="path"),
        pytest.param("a\ud800", id="half a surrogate pair"),
        pytest.param("x" * 2_000, id="longer than a key can be"),
    ],
)
async def test_any_text_may_be_asked_for(reference: str) -> None:
    assert (await ComponentSource("echo").refusal(reference)).code == "COMPONENT_NOT_FOUND"


async def test_what_was_not_found_is_looked_for_again() -> None:
    source = ComponentSource()
    await source.refusal("echo")
    source.upload("echo")
    assert (await source.find("echo")).id == "echo"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        pytest.param(b"a: [", "INVALID_CONTRACT", "`echo.contract.yaml` is not YAML.", id="broken YAML"),
        pytest.param(b"\xff\xfe\xff", "INVALID_CONTRACT", "`echo.contract.yaml` is not YAML.", id="bytes"),
        pytest.param(b"[" * 100_000, "INVALID_CONTRACT", "`echo.contract.yaml` is not YAML.", id="deep nesting"),
        pytest.param(b"a: !!int ''", "INVALID_CONTRACT", "`echo.contract.yaml` is not YAML.", id="value that is none"),
        pytest.param(
            b"hello",
            "INVALID_CONTRACT",
            "The contract is not valid: contract the contract must be a mapping.",
            id="text",
        ),
        pytest.param(
            json.dumps(contract_source(version="1")).encode(),
            "INVALID_CONTRACT",
            "The contract is not valid: version must be of the form v1.",
            id="invalid field",
        ),
        pytest.param(
            json.dumps(contract_source(canonical_id="other")).encode(),
            "INVALID_CONTRACT",
            "`echo.contract.yaml` is the contract of `other`.",
            id="another component's",
        ),
    ],
)
async def test_a_contract_that_cannot_be_read(content: bytes, code: str, message: str) -> None:
    source = ComponentSource()
    source.bucket.upload("echo.wasm", MODULE)
    source.bucket.upload("echo.contract.yaml", content)
    error = await source.refusal("echo")
    assert (error.code, error.message, error.http_status) == (code, message, 422)


@pytest.mark.parametrize(
    ("module", "code"),
    [
        pytest.param(b"no module", "INVALID_MODULE", id="no module"),
        pytest.param(build_module(f'(import "env" "f" (func)) {COMMAND}'), "UNKNOWN_IMPORT", id="unknown import"),
        pytest.param(
            build_module(f'(import "arcrun" "sleep" (func (param i32 i32) (result i32))) {COMMAND}'),
            "CAPABILITY_NOT_DECLARED",
            id="capability",
        ),
        pytest.param(METERED, "INVALID_MODULE", id="metered already"),
    ],
)
async def test_a_module_of_the_bucket_is_checked(module: bytes, code: str) -> None:
    source = ComponentSource()
    source.upload("echo", module)
    stored = dict(source.bucket.objects)
    assert (await source.refusal("echo")).code == code
    await source.background.finish()
    assert source.bucket.objects == stored


async def test_the_first_use_leaves_the_metered_module_and_another_isolate_takes_it() -> None:
    first = ComponentSource()
    first.upload("echo")
    used = await first.find("echo")
    await first.background.finish()
    assert (used.module, first.bucket.objects[METERED_KEY]) == (METERED, METERED)
    second = ComponentSource(bucket=first.bucket)
    assert await second.find("echo") == used
    await second.background.finish()  # a second write within the second would be refused


async def test_the_contract_holds_for_a_module_that_was_metered_under_another() -> None:
    sleeping = build_module(f'(import "arcrun" "sleep" (func (param i32 i32) (result i32))) {COMMAND}')
    allowed = ComponentSource()
    allowed.upload("a", sleeping, capabilities=["sleep"])
    await allowed.find("a")
    await allowed.background.finish()
    assert len(allowed.bucket.objects) == 3
    allowed.upload("b", sleeping)
    assert (await allowed.refusal("b")).code == "CAPABILITY_NOT_DECLARED"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: MODULE, id="not metered"),
        pytest.param(lambda whole: whole[:-1], id="cut short"),
        pytest.param(lambda whole: whole[:20] + bytes([whole[20] ^ 1]) + whole[21:], id="one bit"),
        pytest.param(lambda _: build_component(build_contract(), NEWER).module, id="another module's"),
        pytest.param(lambda _: seal_module(METERED, "0" * 64), id="sealed for another module"),
    ],
)
async def test_an_incomplete_metered_module_is_replaced(damage: Callable[[bytes], bytes]) -> None:
    source = ComponentSource()
    source.upload("echo")
    source.bucket.upload(METERED_KEY, damage(METERED))
    assert (await source.find("echo")).module == METERED
    await source.background.finish()
    assert source.bucket.objects[METERED_KEY] == METERED


LARGE = pad_module(MODULE, MAX_METERED_ON_USE_BYTES)


async def test_a_large_module_is_not_metered_here() -> None:
    source = ComponentSource()
    source.upload("echo", LARGE)
    error = await source.refusal("echo")
    assert error.code == "MODULE_TOO_LARGE"
    assert "acr parts publish" in error.next_actions[0]
    metered = source.keep_metered(LARGE)
    source.bucket.upload(metered_key(hashlib.sha256(LARGE).hexdigest()), metered[:-1])
    assert (await source.refusal("echo")).code == "MODULE_TOO_LARGE"


async def test_a_large_module_that_was_metered_before_is_found() -> None:
    source = ComponentSource()
    source.upload("echo", LARGE)
    metered = source.keep_metered(LARGE)
    assert (await source.find("echo")).module == metered


async def test_metering_a_module_yields_to_other_requests() -> None:
    class CountingClock(FixedClock):
        pauses = 0

        async def pause(self) -> None:
            self.pauses += 1

    source, clock = ComponentSource(), CountingClock()
    source.resolver = ComponentResolver({}, source.bucket, clock, source.background)
    source.upload("echo", build_module(f"{COMMAND} (func {'(drop (i32.const 100000))' * 10_000})"))
    await source.find("echo")
    assert abs(clock.pauses - 27_000 / STRETCH_UNITS) < 1  # 50,000 bytes of code, two a unit
    await source.find("echo")
    assert clock.pauses <= 10


async def test_calls_at_once_write_the_metered_module_once() -> None:
    source = ComponentSource()
    source.upload("echo")
    found = await asyncio.gather(*(source.find("echo") for _ in range(3)))
    await source.background.finish()  # of two writes within a second one would be refused
    assert [component.module for component in found] == [METERED] * 3


async def test_a_metered_module_that_cannot_be_written_does_not_fail_the_call() -> None:
    source = ComponentSource()
    source.upload("echo")
    await source.bucket.put(METERED_KEY, b"another isolate's, just now")
    assert (await source.find("echo")).module == METERED
    with pytest.raises(PlatformLimitError):
        await source.background.finish()


async def test_a_bad_component_is_not_kept() -> None:
    source = ComponentSource()
    source.upload("echo", b"no module")
    await source.refusal("echo")
    source.upload("echo")
    assert (await source.find("echo")).id == "echo"


@pytest.mark.parametrize(
    ("after_ms", "reads"),
    [
        pytest.param(0, [], id="at once"),
        pytest.param(FRESH_MS - 1, [], id="just within 5 s"),
        pytest.param(FRESH_MS, ["head echo.wasm", "head echo.contract.yaml"], id="after 5 s"),
        pytest.param(3_600_000, ["head echo.wasm", "head echo.contract.yaml"], id="after an hour"),
    ],
)
async def test_a_component_is_kept_and_revalidated_after_5_s(after_ms: int, reads: list[str]) -> None:
    source = ComponentSource()
    source.upload("echo")
    first = await source.find("echo")
    source.bucket.reads.clear()
    source.clock.advance(after_ms)
    assert await source.find("echo") is first
    assert source.bucket.reads == reads
    assert FRESH_MS == 5_000


async def test_a_revalidated_component_is_fresh_again() -> None:
    source = ComponentSource()
    source.upload("echo")
    await source.find("echo")
    source.clock.advance(FRESH_MS)
    await source.find("echo")
    source.bucket.reads.clear()
    source.clock.advance(FRESH_MS - 1)
    await source.find("echo")
    assert source.bucket.reads == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"module": NEWER}, id="module"),
        pytest.param({"display_name": "Newer"}, id="contract"),
        pytest.param({"module": NEWER, "display_name": "Newer"}, id="both"),
    ],
)
async def test_a_replaced_component_is_seen_after_5_s(change: dict[str, Any]) -> None:
    source = ComponentSource()
    source.upload("echo")
    old = await source.find("echo")
    source.upload("echo", **change)
    source.clock.advance(FRESH_MS - 1)
    assert await source.find("echo") is old
    source.clock.advance(1)
    new = await source.find("echo")
    expected = (("module" in change), ("display_name" in change))
    assert (new.sha256 != old.sha256, new.contract != old.contract) == expected


async def test_constant_use_does_not_hold_back_a_replaced_component() -> None:
    source = ComponentSource()
    source.upload("echo")
    old = await source.find("echo")
    source.upload("echo", NEWER)
    found = [old]
    for _ in range(6):
        source.clock.advance(1_000)
        found.append(await source.find("echo"))
    assert [component is old for component in found] == [True, True, True, True, True, False, False]


async def test_a_removed_component_is_gone_after_5_s() -> None:
    source = ComponentSource()
    source.upload("echo")
    await source.find("echo")
    source.bucket.remove("echo.wasm")
    source.clock.advance(FRESH_MS)
    assert (await source.refusal("echo")).code == "COMPONENT_NOT_FOUND"


async def test_two_calls_at_once_may_both_find_it_replaced() -> None:
    source = ComponentSource()
    source.upload("echo")
    old = await source.find("echo")
    source.upload("echo", NEWER)
    source.clock.advance(FRESH_MS)
    found = await asyncio.gather(source.find("echo"), source.find("echo"))
    assert [component.sha256 == old.sha256 for component in found] == [False, False]


async def test_references_are_kept_apart() -> None:
    source = ComponentSource()
    source.upload("echo", display_name="latest")
    source.upload("echo@v1", display_name="first")
    names = [(await source.find(reference)).contract.display_name for reference in ("echo", "echo@v1", "echo")]
    assert names == ["latest", "first", "latest"]


async def test_the_oldest_components_make_room() -> None:
    source = ComponentSource()
    large = pad_module(MODULE, MAX_CACHED_MODULE_BYTES // 3)
    source.keep_metered(large)
    for name in "abc":
        source.upload(name, large)
        await source.find(name)
    source.bucket.reads.clear()
    for name in "cba":
        await source.find(name)
    assert source.bucket.reads[:2] == ["get a.wasm", "get a.contract.yaml"]
    assert [read for read in source.bucket.reads[2:] if not read.startswith("get metered/")] == []


async def test_a_component_larger_than_the_cache_is_kept_alone() -> None:
    source = ComponentSource()
    large = pad_module(MODULE, MAX_CACHED_MODULE_BYTES)
    source.upload("large", large)
    source.keep_metered(large)
    first = await source.find("large")
    source.bucket.reads.clear()
    assert await source.find("large") is first
    assert source.bucket.reads == []


def test_the_bundled_components_are_known_by_name() -> None:
    assert list(ComponentSource("echo", "other").resolver.bundled_ids) == ["echo", "other"]
