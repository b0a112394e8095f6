"""Workflows and runs that look like somebody's, made over the HTTP API of a local platform."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from workerd.local_platform import ROOT, LocalPlatform

ORDERS = """\
# What the shop does with an order.
# POST {"customer": "Ada", "lines": [{"sku": "A-1", "amount": 2, "price": 12.5}]}
name: orders
description: Check an order, price its lines, decide who looks at it.
input_schema:
  type: object
  required: [customer, lines]
  properties:
    customer: {type: string, maxLength: 100, description: Who orders.}
    note: {type: string, maxLength: 1000}
    express: {type: boolean}
    lines:
      type: array
      maxItems: 100
      items:
        type: object
        properties: {sku: {type: string}, amount: {type: integer, minimum: 1}, price: {type: number}}
flow:
  - "input >> ON_SUCCESS >> customer"
  - "input >> ON_SUCCESS >> lines"
  - "lines >> FOREACH line >> price"
  - "lines >> CONTINUE >> total"
  - "customer >> ON_SUCCESS >> known"
  - "known >> ON_SUCCESS >> decide"
  - "total >> ON_SUCCESS >> decide"
  - "decide >> ON_TRUE >> review"
  - "decide >> ON_FALSE >> accept"
  - "review >> ON_SUCCESS >> output"
  - "accept >> ON_SUCCESS >> output"
config:
  customer: {component: string_ops, operation: trim, input: "{{input.customer}}"}
  lines: {component: foreach_control, items: "{{input.lines}}", item_key: line, foreach: {concurrency: 4}}
  price:
    component: code
    input: "{{line}}"
    source: |
      if (!(input.price > 0)) throw new Error(`${input.sku} has no price`);
      console.log(`${input.sku}: ${input.amount} at ${input.price}`);
      return {sku: input.sku, sum: input.amount * input.price};
  total:
    component: code
    input: "{{lines.results}}"
    source: |
      return {lines: input.length, sum: input.reduce((sum, each) => sum + (each.sum ?? each.data?.sum ?? 0), 0)};
  known: {component: store, op: add_once, key: "customer/{{customer.data.result}}"}
  decide: {component: if_control, condition: sum > 500, input: "{{total.data}}"}
  review: {component: set, values: {customer: "{{customer.data.result}}", state: review, sum: "{{total.data.sum}}"}}
  accept: {component: set, values: {customer: "{{customer.data.result}}", state: accepted, sum: "{{total.data.sum}}"}}
"""

REFUND = """\
# Money goes back when somebody has agreed.
name: refund
description: Pay a customer back once a person has agreed.
durable: true
flow:
  - "input >> PIPE >> look_up"
  - "look_up >> PIPE >> ask"
  - "ask >> IF(ask.data.choice == 'approve') >> pay"
  - "ask >> IF(ask.data.choice != 'approve') >> leave"
  - "ask >> ON_FAIL >> forgotten"
config:
  look_up: {component: set, values: {order: "{{input.order}}", amount: "{{input.amount}}"}}
  ask:
    component: approve
    title: "Pay {{input.amount}} EUR back to {{input.customer}}?"
    text: "Order {{input.order}}: {{input.reason}}"
    approvers: [ann]
    timeout: 3d
  pay: {component: set, values: {paid: "{{input.amount}}", by: "{{ask.data.approver}}"}}
  leave: {component: set, values: {paid: 0, comment: "{{ask.data.comment}}"}}
  forgotten: {component: set, values: {paid: 0}}
"""

STOCK = """\
name: stock_report
description: What is low in stock, every morning.
triggers:
  schedule:
    - {cron: "0 7 * * 1-5", zone: Europe/Berlin, input: {below: 10}}
flow:
  - "input >> ON_SUCCESS >> items"
  - "items >> ON_SUCCESS >> low"
  - "low >> ON_SUCCESS >> output"
config:
  items:
    component: set
    values:
      rows: [{sku: A-1, left: 4}, {sku: B-7, left: 120}, {sku: C-3, left: 0}, {sku: D-2, left: 9}]
  low: {component: filter, items: "{{items.data.rows}}", condition: {key: left, op: lt, value: "{{input.below}}"}}
"""

TEMPLATES = ("greet", "first_order", "contact_form", "support_triage")
CUSTOMERS = ("Ada", "Grace", "Linus", "Margaret", "Ken", "Barbara", "Edsger", "Radia")


class Made:
    """Puts data into a platform, and remembers the ids of runs that views are shown of."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def push(self, text: str | dict[str, Any]) -> str:
        """The workflow's name."""
        answer = self.client.post("/webhooks", json={"workflow": text})
        assert answer.is_success, answer.text
        name: str = answer.json()["data"]["name"]
        return name

    def run(self, name: str, value: Any = None, **query: str) -> str:
        """Start a run, which may fail. Returns its id."""
        answer = self.client.post(f"/webhooks/named/{name}/trigger", json=value or {}, params=query)
        run_id: str = answer.json()["run_id"]
        return run_id

    def wait_until(self, run_id: str, holds: Callable[[dict[str, Any]], bool], within_s: float = 20) -> dict[str, Any]:
        """A run's record, which comes a moment behind the answer, once `holds` is true of it."""
        deadline_s = time.monotonic() + within_s
        while True:
            answer = self.client.get(f"/runs/{run_id}").json()
            record: dict[str, Any] = answer.get("data", {})
            if record and holds(record):
                return record
            assert time.monotonic() < deadline_s, answer
            time.sleep(0.1)


def has_ended(record: dict[str, Any]) -> bool:
    return record["status"] not in ("running", "waiting", "queued")


def is_asking(record: dict[str, Any]) -> bool:
    return any(entry["status"] == "waiting" for entry in record.get("trace", ()))


def order(number: int, lines: int = 3) -> dict[str, Any]:
    return {
        "customer": CUSTOMERS[number % len(CUSTOMERS)],
        "lines": [
            {"sku": f"{'ABCD'[at % 4]}-{at + 1}", "amount": 1 + (number + at) % 4, "price": 12.5 * (1 + at % 5)}
            for at in range(lines)
        ],
    }


def make_shop(platform: LocalPlatform) -> dict[str, str]:
    """A shop's workflows, with runs that went well, failed, and wait. Returns ids of runs by what they show."""
    with platform.executor as client:
        return fill(Made(client))


def fill(made: Made) -> dict[str, str]:
    made.push(ORDERS.replace("price its lines, ", ""))
    made.push(ORDERS)
    for text in (REFUND, STOCK):
        made.push(text)
    for name in TEMPLATES:
        made.push((ROOT / f"examples/workflows/{name}.yaml").read_text())
    runs = {
        "asking": made.run("refund", {"order": "O-17", "amount": 42, "customer": "Ada", "reason": "It came broken."})
    }
    for number in range(12):
        runs["good"] = made.run("orders", order(number, lines=3 + number % 5))
    unpriced = order(3)
    unpriced["lines"][1]["price"] = 0
    runs["failed"] = made.run("orders", unpriced)
    runs["large"] = made.run("orders", order(5, lines=40))
    for name, value in (("stock_report", {"below": 10}), ("greet", {"name": " ada "}), ("greet", {})):
        made.run(name, value)
    made.client.put("/credentials/telegram_bot_token", json={"value": "123:made-up"})
    made.client.post("/keys", json={"name": "dashboard", "can": "read"})
    for run_id in (runs["good"], runs["failed"], runs["large"]):
        made.wait_until(run_id, has_ended)
    made.wait_until(runs["asking"], is_asking)
    return runs


def long_text(lines: int) -> str:
    """A workflow of so many lines that is right."""
    nodes = (lines - 4) // 5
    flow = ["input >> ON_SUCCESS >> step_0"] + [f"step_{at} >> ON_SUCCESS >> step_{at + 1}" for at in range(nodes - 1)]
    steps = [
        f"  step_{at}:\n    component: set\n    # what comes of step {at}\n    values: {{number: {at}}}"
        for at in range(nodes)
    ]
    text = "\n".join(["name: long", "flow:", *[f"  - {json.dumps(line)}" for line in flow], "config:", *steps, ""])
    return text + "# a comment\n" * (lines - text.count("\n"))


def wide_text(nodes: int, chains: int = 10) -> str:
    """Chains of steps beside each other, with a line here and there from one to the next."""
    names = [[f"step_{chain}_{at}" for at in range(nodes // chains)] for chain in range(chains)]
    lines = [line for chain in names for line in zip(["input", *chain], [*chain, "output"], strict=True)]
    lines += [(one[at], other[at + 2]) for one, other in itertools.pairwise(names) for at in range(0, len(one) - 2, 6)]
    flow = [f"  - {source} >> ON_SUCCESS >> {target}" for source, target in lines]
    config = [f"  {name}: {{component: set, values: {{at: {name}}}}}" for chain in names for name in chain]
    return "\n".join(["name: wide", "flow:", *flow, "config:", *config, ""])
