"""Every limit of what a caller, an author, a component or a tenant can make grow. docs/limits.md is made from it.

Each has a comment: what it bounds; "Beyond:" what happens then; "Change:" how it can be changed, where it can be. Two
that end in _PAID and _FREE are one limit on the platform's two plans.

Limits bound work (elements, steps, bytes), never the time of the clock, which deployed stands still while code
computes. They hold while the work is done, not after it.
"""

KIB, MIB = 1024, 1024 * 1024

# == Requests

# The body of a request.
# Beyond: 413 PAYLOAD_TOO_LARGE.
MAX_BODY_BYTES = 4 * MIB
# The bytes of a body that is read at once, whatever others are worked on.
# Beyond: it may wait.
SMALL_BODY_BYTES = 64 * KIB
# The bytes of the larger bodies that an isolate works on at once, each from its reading to its answer, for 5 s at most;
# one that is alone may be larger.
# Beyond: they wait for their turn, in the order of coming.
MAX_LARGE_BODIES_BYTES = 4 * MIB
# The requests that wait so in an isolate.
# Beyond: 429 TOO_MANY_BODIES.
MAX_WAITING_BODIES = 100
# The depth of JSON, in a request, in what a component answers and in what a host function is asked.
# Beyond: 400 INVALID_JSON in a request, INVALID_OUTPUT of a component.
MAX_JSON_DEPTH = 128
# The digits of a whole number in JSON: reading and writing one takes quadratic time. A double holds up to 309.
# Beyond: as above.
MAX_INTEGER_DIGITS = 640
# The values in one JSON text: numbers, texts, lists, objects and what they hold.
# Beyond: as above.
MAX_JSON_VALUES = 400_000
# The entries of a page of runs or of the audit.
# Beyond: 400 INVALID_REQUEST; the rest comes by the cursor.
MAX_PAGE = 100
# The entries of a page of workflows.
# Beyond: 400 INVALID_REQUEST; the rest comes by the cursor.
MAX_WORKFLOWS_PAGE = 1_000
# The characters of a cursor.
# Beyond: 400 INVALID_CURSOR.
MAX_CURSOR_CHARACTERS = 1_024
# Pages of KV that one list of runs looks through for those that it is asked for.
# Beyond: the page ends early, with a cursor.
MAX_SCANNED_PAGES = 5
# The runs that each object of the RunLog looks through for a list.
# Beyond: as above.
MAX_SCANNED_RUNS = 10_000
# The characters of the text that a list of runs is searched for.
# Beyond: 400 INVALID_REQUEST.
MAX_SEARCH_CHARACTERS = 128
# The characters of what GET /components searches for.
# Beyond: 400 INVALID_REQUEST.
MAX_QUERY_CHARACTERS = 200

# == Workflows

# The characters of a workflow's source.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: a tenant has less, by TENANT_SOURCE_CHARACTERS.
MAX_SOURCE_CHARACTERS = 256 * KIB
# The nodes of a workflow.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: split it: one workflow can call another (CALLS_SUBFLOW).
MAX_NODES = 500
# The lines of its flow.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: as above.
MAX_LINES = 2_000
# The values in it: texts, numbers, keys, lists and mappings.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: send what is much as the input, or fetch it.
MAX_SOURCE_VALUES = 20_000
# The templates in its config.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: as above.
MAX_TEMPLATES = 3_000
# The loops of a workflow.
# Beyond: the diagnostic INVALID_LOOP.
MAX_LOOPS = 100
# The loops around a node, one within the other.
# Beyond: the diagnostic INVALID_LOOP.
MAX_LOOP_DEPTH = 64
# The depth of YAML.
# Beyond: the diagnostic INVALID_YAML.
MAX_YAML_DEPTH = 64
# The lines of YAML, empty ones and comments too.
# Beyond: the diagnostic INVALID_YAML. Change: write what is much as JSON, or send it as the input.
MAX_YAML_LINES = 20_000
# The values in YAML, keys too. A workflow's are MAX_SOURCE_VALUES.
# Beyond: as above. Change: as above.
MAX_YAML_VALUES = 50_000
# The directives and the marks of documents, `---` and `...`, of YAML.
# Beyond: the diagnostic INVALID_YAML.
MAX_YAML_MARKS = 100
# The characters of a name, of a workflow, node or loop.
# Beyond: the diagnostic INVALID_NAME.
MAX_NAME_CHARACTERS = 64
# The bytes of a name, in UTF-8: it is a part of keys, which may have 512.
# Beyond: the diagnostic INVALID_NAME.
MAX_NAME_BYTES = 256
# The diagnostics of one workflow.
# Beyond: checking stops, and TOO_MANY_FINDINGS says so.
MAX_DIAGNOSTICS = 100
# The attempts of `retry`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_ATTEMPTS = 10
# The milliseconds that `retry` waits at first.
# Beyond: the diagnostic INVALID_SETTING.
MAX_DELAY_MS = 60_000
# The milliseconds of a node's `timeout_ms`.
# Beyond: the diagnostic INVALID_SETTING; at a run, NODE_TIMEOUT. Change: the node's `timeout_ms`.
MAX_NODE_TIMEOUT_MS = 300_000
# The milliseconds of computing that a call of a bundled component has, counted in fuel (arcrun/wasm/costs.py), and so
# for how long it may keep everybody else of the isolate waiting.
# Beyond: FUEL_EXHAUSTED. Change: the node's `cpu_ms`; beyond this the component runs in a sandbox.
CALL_CPU_MS = 200
# The same of a component in a sandbox, whose code may be slower than any of ours.
# Beyond: as above. Change: the node's `cpu_ms`.
SANDBOX_CALL_CPU_MS = 150
# How many times as long a call in a sandbox may compute by the platform's own clock (deployed only) as by its fuel.
# Beyond: FUEL_EXHAUSTED. Change: the node's `cpu_ms`.
SANDBOX_CPU_FACTOR = 4
# The instances of a bundled component that an isolate keeps for later calls, put back to how they were at the start.
# Beyond: a call gets an instance of its own, which is dropped.
MAX_IDLE_INSTANCES = 2
# The milliseconds of a node's `cpu_ms`.
# Beyond: the diagnostic INVALID_SETTING; at a run, FUEL_EXHAUSTED. Change: a tenant has less, by TENANT_NODE_CPU_MS.
MAX_NODE_CPU_MS = 10_000
# The milliseconds of a workflow's `timeout_ms`, which is 300,000 where it is not set.
# Beyond: the diagnostic INVALID_SETTING; at a run, RUN_TIMEOUT. Change: the workflow's or the request's `timeout_ms`.
MAX_RUN_TIMEOUT_MS = 900_000
# The elements of loops, and nodes beside one another, that a run works on at once, its loops within loops included.
# Beyond: one after the other, as those before are done.
MAX_RUN_TASKS = 128
# The elements that a loop works on at once.
# Beyond: the diagnostic INVALID_SETTING. Change: the loop's `concurrency`.
MAX_CONCURRENCY = 64

# == Templates, conditions and expressions

# The steps of a path, such as node.data.items[0].
# Beyond: the diagnostic INVALID_TEMPLATE.
MAX_PATH_STEPS = 128
# The filters of one reference.
# Beyond: the diagnostic INVALID_TEMPLATE.
MAX_FILTERS = 16
# The characters of a text that a filter makes. Of a list, MAX_JSON_VALUES are the limit.
# Beyond: the node fails with TEMPLATE_FAILED.
MAX_FILTER_RESULT = 4 * MIB
# The steps of all filters in a node's config: the elements that they visit, or 64 characters of a text.
# Beyond: the node fails with TEMPLATE_TOO_COSTLY. Change: let components do it: array_ops, string_ops, filter.
MAX_TEMPLATE_STEPS = 100_000
# The characters of a date's format.
# Beyond: the node fails with TEMPLATE_FAILED.
MAX_DATE_PATTERN = 1_000
# The depth of parentheses in a condition.
# Beyond: the diagnostic INVALID_EXPRESSION.
MAX_CONDITION_DEPTH = 64
# The characters of an expression of IF.
# Beyond: the diagnostic INVALID_EXPRESSION.
MAX_EXPRESSION_CHARACTERS = 2_000
# The characters of a component's condition, such as if_control's.
# Beyond: the diagnostic INVALID_INPUT.
MAX_CONDITION_CHARACTERS = 10_000
# The depth of a JMESPath expression's syntax tree.
# Beyond: the diagnostic INVALID_EXPRESSION.
MAX_EXPRESSION_DEPTH = 64
# The steps of evaluating one JMESPath expression: the nodes and elements that it visits.
# Beyond: the node fails with EXPRESSION_TOO_COSTLY.
MAX_EXPRESSION_STEPS = 50_000

# == Runs

# The elements of one FOREACH.
# Beyond: the node fails with TOO_MANY_ITEMS. Change: take them in parts, such as a page a run.
MAX_ELEMENTS = 20_000
# The bytes of a node's input as it is rendered; and it has as many values as JSON may.
# Beyond: the node fails with INPUT_TOO_LARGE. Change: name only the fields that it needs.
MAX_INPUT_BYTES = 4 * MIB
# The bytes of a run's answer.
# Beyond: the run fails with ANSWER_TOO_LARGE. Change: answer a part, or where the whole can be fetched.
MAX_ANSWER_BYTES = 8 * MIB
# The bytes of what a run holds at once: its input, what its nodes have answered, what its loops have gathered. A value
# counts 16 more than its text.
# Beyond: the node fails with RUN_TOO_LARGE. Change: let nodes answer less, or work on parts in sub-workflows.
MAX_LIVE_BYTES = 16 * MIB
# The bytes of a run's trace and of what is kept of its answer beside it.
# Beyond: a value that does not fit is cut; of what comes when nothing fits any more only the size is shown.
MAX_TRACE_BYTES = MIB
# Workflows that call one another (CALLS_SUBFLOW), one within the other.
# Beyond: SUBFLOW_TOO_DEEP.
MAX_SUBFLOW_DEPTH = 8
# Runs that start one another by requests.
# Beyond: 508 RUN_TOO_DEEP.
MAX_RUN_DEPTH = 8
# The subrequests of a run: what it asks of stores, services and other Workers.
# Beyond: SUBREQUEST_LIMIT. Change: the variable SUBREQUEST_LIMIT of the executor. The plan is its variable ARCRUN_PLAN.
SUBREQUESTS_PAID = 10_000
SUBREQUESTS_FREE = 50
# The components in sandboxes that a run has calls of under way at once, each however many: the platform's limit.
# Beyond: they wait for their turn.
MAX_RUN_SANDBOXES = 4
# The milliseconds of processor time that the free plan gives a request, counted in work (arcrun/engine/budget.py).
# Beyond: CPU_BUDGET. Change: move to the Workers paid plan, where the platform allows 30,000 and more.
FREE_PLAN_CPU_MS = 10
# The milliseconds of a run that nobody waits for (?async=1): then the platform ends all work.
# Beyond: 400 ACCEPTED_RUN_TOO_LONG.
MAX_ACCEPTED_MS = 30_000
# The bytes of one value, as JSON, in a trace that has no room for it whole, and of what is shown of an accepted run's
# input.
# Beyond: a marker with its size and its beginning stands in its place.
MAX_SHOWN_VALUE_BYTES = 8 * KIB
# The characters of a component's log in a trace.
# Beyond: its end is shown.
MAX_LOG_CHARACTERS = 2_000

# == Components

# The bytes of a module that is handed to the registry.
# Beyond: the review step `size_check` refuses it.
MAX_MODULE_BYTES = 8 * MIB
# The bytes of a contract.
# Beyond: CONTRACT_TOO_LARGE.
MAX_CONTRACT_BYTES = 256 * KIB
# The characters of an input_schema, as JSON, that is checked in the Worker itself: a longer one takes long to compile.
# Beyond: validate_json checks it, if it is not a built-in component's.
MAX_CHECKED_SCHEMA_CHARACTERS = 16 * KIB
# The words of an `enum` in it.
# Beyond: as above.
MAX_CHECKED_WORDS = 100
# The bytes of a submission: the largest module in base64, and its contract.
# Beyond: 413 PAYLOAD_TOO_LARGE.
MAX_SUBMISSION_BYTES = 12 * MIB
# The bytes of a module's type section: some 20,000 types.
# Beyond: MODULE_TOO_LARGE.
MAX_TYPE_SECTION_BYTES = 128 * KIB
# The pages, of 64 KiB, of a component's memory: 64 MiB, half of what the platform gives one isolate.
# Beyond: memory.grow answers -1; a failure then is MEMORY_LIMIT_EXCEEDED.
MAX_MEMORY_PAGES = 1024
# The bytes of memory of the components that are alive at once in an isolate; one that is alone may have more.
# Beyond: a call waits for its turn, within its timeouts.
MAX_ALIVE_MEMORY_BYTES = 48 * MIB
# Those of them that wait for a host function, such as http_request and sleep, in an isolate.
# Beyond: as above.
MAX_WAITING_MEMORY_BYTES = 32 * MIB
# The bytes of a module that the executor meters itself, at its first use: some 2 s of its processor, in stretches.
# Beyond: MODULE_TOO_LARGE. Change: the registry, `acr parts install` and `acr deploy` meter it beforehand.
MAX_METERED_ON_USE_BYTES = 2 * MIB
# The sections of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_SECTIONS = 1_000
# The functions of a module, imported and its own.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_FUNCTIONS = 50_000
# The types of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_TYPES = 10_000
# The imports of a module, and its exports.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_NAMES = 1_000
# The globals of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_GLOBALS = 10_000
# The instructions of one constant, such as a global's first value.
# Beyond: MODULE_TOO_LARGE.
MAX_CONSTANT_INSTRUCTIONS = 100
# The kinds of exceptions of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_TAGS = 1_000
# The segments of data of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_DATA_SEGMENTS = 100_000
# The segments of elements of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_ELEMENT_SEGMENTS = 1_000
# The tables of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_TABLES = 16
# The entries of all the tables of a module together; and those of all its segments of elements.
# Beyond: TABLE_LIMIT_EXCEEDED if it asks for more from the start, else table.grow answers -1; MODULE_TOO_LARGE.
MAX_TABLE_ENTRIES = 65_536
# The bytes of one function's code.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_BYTES = 256 * KIB
# The places in one function where code branches or a branch leads.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_BRANCHES = 50_000
# The local variables of a function, counted anew at each place where code branches or a branch leads: engines keep
# track of all of them there, which takes them up to 80 ns and 150 bytes each.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_STATES = 500_000
# Those of all functions of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_STATES = 5_000_000
# The bytes of a module's code when it is metered, which what only branches makes six times as long.
# Beyond: MODULE_TOO_LARGE.
MAX_METERED_CODE_BYTES = 16 * MIB
# The local variables of one function.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_LOCALS = 10_000
# The parameters of a function or a block, and its results: what engines move at each branch and call.
# Beyond: MODULE_TOO_LARGE.
MAX_TYPE_VALUES = 100
# Blocks, one within the other, in a function.
# Beyond: MODULE_TOO_LARGE.
MAX_NESTING = 10_000
# The places that one br_table can lead to, and the clauses of one try_table.
# Beyond: MODULE_TOO_LARGE.
MAX_BRANCH_TARGETS = 10_000
# The bytes that a component may write to stdout, its answer.
# Beyond: OUTPUT_TOO_LARGE.
MAX_STDOUT_BYTES = 4 * MIB
# The bytes of a component's log, its stderr.
# Beyond: the rest is dropped.
MAX_STDERR_BYTES = 64 * KIB
# The bytes of a request to a host function, as JSON.
# Beyond: REQUEST_TOO_LARGE, which the component may handle.
MAX_REQUEST_BYTES = 8 * MIB
# The bytes of a host function's reply, such as the answer to http_request, as JSON.
# Beyond: RESPONSE_TOO_LARGE, which the component may handle.
MAX_REPLY_BYTES = 8 * MIB
# The I/O vectors of one fd_read or fd_write, as many as Linux takes.
# Beyond: the errno INVAL.
MAX_VECTORS = 1024
# The subscriptions of one poll_oneoff.
# Beyond: the errno INVAL.
MAX_SUBSCRIPTIONS = 1024
# The characters of the code of a failure that a component tells.
# Beyond: it is COMPONENT_FAILED.
MAX_ERROR_CODE_CHARACTERS = 64
# The characters of the message of a failure that a component tells.
# Beyond: it is left out whole.
MAX_ERROR_MESSAGE_CHARACTERS = 4_000
# The bytes of all else that a component tells of a failure, as JSON.
# Beyond: the fields that do not fit are left out whole, and `left_out` names them.
MAX_ERROR_DETAILS_BYTES = 64 * KIB
# The milliseconds of one `sleep`.
# Beyond: INVALID_REQUEST, which the component may handle.
MAX_SLEEP_MS = 30_000
# The milliseconds of one http_request, its redirects included.
# Beyond: INVALID_REQUEST, which the component may handle.
MAX_HTTP_TIMEOUT_MS = 60_000
# The redirects that one http_request follows.
# Beyond: TOO_MANY_REDIRECTS, which the component may handle.
MAX_REDIRECTS = 5

# == What is kept

# The workflows of an account that live at once.
# Beyond: WORKFLOW_LIMIT.
MAX_WORKFLOWS = 5_000
# The names that an account has ever used: what is deleted leaves the number of its last version.
# Beyond: WORKFLOW_LIMIT.
MAX_NAMES = 100_000
# Pushes of one name that were interrupted: each leaves a number.
# Beyond: the oldest goes.
MAX_PENDING = 1_000
# The lines of an account's audit that the executor wrote.
# Beyond: the oldest go.
MAX_AUDIT_LINES = 10_000
# The lines of an account's audit that the command line told.
# Beyond: the oldest go.
MAX_TOLD_LINES = 2_000
# The bytes of one of a tenant's values in its own KV.
# Beyond: it is not read.
MAX_TENANT_VALUE_BYTES = 8 * MIB
# The keys of a tenant, those in their grace time included.
# Beyond: the oldest goes.
MAX_ACCOUNT_KEYS = 5
# The seconds that a rotated key goes on working.
# Beyond: 400 INVALID_REQUEST.
MAX_GRACE_S = 24 * 3600
# The characters of an account's e-mail address: RFC 5321.
# Beyond: 400 INVALID_REQUEST.
MAX_EMAIL_CHARACTERS = 254
# The characters of a moderator's reason.
# Beyond: 400 INVALID_REQUEST.
MAX_DECISION_CHARACTERS = 1_000
# The records of one report of usage.
# Beyond: 400 TOO_MANY_RECORDS.
MAX_USAGE_RECORDS = 1_000
# The calls that one record of usage counts.
# Beyond: 400 INVALID_RECORD.
MAX_USAGE_COUNT = 1_000_000
# The characters of a component's name in a report of usage.
# Beyond: 400 INVALID_RECORD.
MAX_USAGE_NAME_CHARACTERS = 128

# == What an isolate remembers

# The bytes of workflows, heads, credentials and dead tokens together, those of all tenants.
# Beyond: what has been there longest goes, and is read again.
MAX_CACHED_BYTES = 16 * MIB
# Workflows: their plans, ready to run.
# Beyond: as above.
MAX_CACHED_WORKFLOWS = 256
# Heads of workflows.
# Beyond: as above.
MAX_CACHED_HEADS = 2_000
# Tokens of which nothing is known.
# Beyond: as above.
MAX_DEAD_TOKENS = 1_000
# Credentials, decrypted.
# Beyond: as above.
MAX_CACHED_CREDENTIALS = 256
# The bytes of components that are not bundled.
# Beyond: as above.
MAX_CACHED_MODULE_BYTES = 16 * MIB
# Tenants' services.
# Beyond: as above.
MAX_SERVICES = 100
# Keys whose requests are counted.
# Beyond: as above.
MAX_COUNTED_KEYS = 2_000

# == Records of runs

# The bytes of the records that are written together, a moment after the runs have ended.
# Beyond: they are written at once, and a new batch begins.
MAX_BATCH_BYTES = 4 * MIB
# The bytes of the records of an isolate that are under way to where they are kept.
# Beyond: a record is lost, and counted: `acr doctor` and GET /runs say so.
MAX_UNWRITTEN_BYTES = 16 * MIB
# The bytes of a record in a row of the RunLog, and of the input that is kept beside it.
# Beyond: it lies in the bucket.
MAX_ROW_BYTES = 256 * KIB
# The days for which a workflow's runs are kept, by its `keep_days`.
# Beyond: INVALID_SETTING at push.
MAX_KEEP_DAYS = 365
# The days for which they are kept where the workflow does not say it.
# Beyond: they are deleted. Change: RUN_LOG_KEEP_DAYS.
RUN_LOG_KEEP_DAYS = 7
# The bytes that all records of an account take.
# Beyond: the oldest are deleted. Change: RUN_LOG_BYTES.
RUN_LOG_BYTES = 1024 * MIB
# The rows of Durable Objects that the free plan writes a day, over all of an account.
# Beyond: no record is written until midnight UTC, and what is lost is counted: `acr usage` tells of it before.
FREE_ROWS_WRITTEN = 100_000
# The requests to Durable Objects that it takes a day.
# Beyond: as above.
FREE_OBJECT_REQUESTS = 100_000
# The writes to KV that it takes a day.
# Beyond: verdicts of runs, statistics and pushes are refused until midnight UTC.
FREE_KV_WRITES = 1_000
# The Durable Objects that records are spread over.
# Beyond: there are no others. Change: RUN_LOG_OBJECTS, up to 1,024; what lies in one that is not asked any more is
# found by its id, and no longer listed.
RUN_LOG_OBJECTS = 8
# Runs that an object deletes at once.
# Beyond: the rest follows a fifth of a second later.
MAX_PRUNED_RUNS = 500
# Verdicts of runs that are written to KV at once.
# Beyond: the rest follows with the next write.
MAX_EXPORTED_VERDICTS = 10_000
