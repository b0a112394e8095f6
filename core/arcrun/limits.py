"""Every limit on what a caller, an author, a component or a tenant can make grow. docs/limits.md is generated from it.

Each limit has a comment: what it bounds; "Beyond:" what happens beyond it; "Change:" how to change it, if possible. Two
names that end in _PAID and _FREE are one limit on the platform's two plans.

Limits bound work (elements, steps, bytes), never clock time, because the platform's clock stands still while code
computes. They are enforced while the work is done, not after it.
"""

KIB, MIB = 1024, 1024 * 1024

# == Requests

# The access keys of an account (`acr keys`).
# Beyond: 409 TOO_MANY_KEYS.
MAX_ACCESS_KEYS = 100
# The seconds for which an access key may be made, if not for ever: 10 years.
# Beyond: 400 INVALID_REQUEST.
MAX_KEY_LIFETIME_S = 10 * 365 * 86_400
# The milliseconds after which another use of an access key is noted.
# Beyond: the last use shown is so much earlier than the real one, at most.
ACCESS_KEY_USE_STEP_MS = 600_000
# The sessions of an account's browsers at once.
# Beyond: the oldest end.
MAX_SESSIONS = 100
# The milliseconds after which a session ends: 12 hours.
# Beyond: 401 SESSION_ENDED.
SESSION_MS = 12 * 3_600_000
# The milliseconds after which another use of a session is noted.
# Beyond: the last use shown is so much earlier than the real one, at most.
SESSION_USE_STEP_MS = 600_000
# The one-time links of an account that are not used yet (`acr open`).
# Beyond: the oldest end.
MAX_SESSION_LINKS = 20
# The milliseconds for which a one-time link is good.
# Beyond: 401 LINK_USED.
SESSION_LINK_MS = 60_000

# The body of a request, as it is sent and, if that is compressed, decompressed.
# Beyond: 413 PAYLOAD_TOO_LARGE.
MAX_BODY_BYTES = 4 * MIB
# The bytes of a body that is read immediately, whatever else the isolate works on.
# Beyond: it may wait.
SMALL_BODY_BYTES = 64 * KIB
# The total bytes of larger bodies that an isolate works on at once, each from reading to answer, for 5 s at most; a
# single one may be larger.
# Beyond: they wait, and are served in order of arrival.
MAX_LARGE_BODIES_BYTES = 4 * MIB
# The requests that wait for it in an isolate.
# Beyond: 429 TOO_MANY_BODIES.
MAX_WAITING_BODIES = 100
# The fields and files of a form, and the parameters of a query.
# Beyond: 400 TOO_MANY_FIELDS.
MAX_FORM_FIELDS = 1_000
# The depth of JSON in a request, in a component's answer and in a request to a host function.
# Beyond: 400 INVALID_JSON in a request, INVALID_OUTPUT of a component.
MAX_JSON_DEPTH = 128
# The digits of an integer in JSON, which takes quadratic time to read and write. A double has up to 309.
# Beyond: as above.
MAX_INTEGER_DIGITS = 640
# The values in one JSON document: numbers, strings, lists, objects and their contents.
# Beyond: as above.
MAX_JSON_VALUES = 400_000
# The entries of a page of runs or of the audit.
# Beyond: 400 INVALID_REQUEST; the rest comes by the cursor.
MAX_PAGE = 100
# The runs, the newest of all, of which a list of workflows shows each workflow's own. The console reads them when its
# list is opened, then every ten minutes; in between those alone that are new.
# Beyond: a workflow whose last run is older is shown without any.
MAX_RECENT_RUNS = 1_000
# The runs of a workflow that a list of workflows shows.
# Beyond: the older ones are left out.
MAX_RECENT_RUNS_SHOWN = 20
# The workflows of a page of which is told what credentials they need.
# Beyond: the rest comes by the cursor.
MAX_SHOWN_USES = 20
# The credentials that are decrypted when the platform examines itself (GET /checks).
# Beyond: the others are not looked at, and the check says so.
MAX_CHECKED_CREDENTIALS = 100
# The entries of a page of workflows.
# Beyond: 400 INVALID_REQUEST; the rest comes by the cursor.
MAX_WORKFLOWS_PAGE = 1_000
# The characters of a cursor.
# Beyond: 400 INVALID_CURSOR.
MAX_CURSOR_CHARACTERS = 1_024
# The pages of KV that a list of runs scans for matches.
# Beyond: the page ends early, with a cursor.
MAX_SCANNED_PAGES = 5
# The runs that each object of the RunLog scans for a list.
# Beyond: as above.
MAX_SCANNED_RUNS = 10_000
# The characters of the search string of a list of runs.
# Beyond: 400 INVALID_REQUEST.
MAX_SEARCH_CHARACTERS = 128
# The characters of the search string of GET /components.
# Beyond: 400 INVALID_REQUEST.
MAX_QUERY_CHARACTERS = 200
# The characters of a header with a signature, repetitions included.
# Beyond: 401 SIGNATURE_MALFORMED.
MAX_SIGNATURE_HEADER_CHARACTERS = 4_096
# The signatures in one request, as services send them while a secret is replaced.
# Beyond: 401 SIGNATURE_MALFORMED.
MAX_SIGNATURES = 16
# The bytes of a form that Twilio has signed, which is read before its signature is checked.
# Beyond: 401 SIGNATURE_MALFORMED.
MAX_SIGNED_FORM_BYTES = 256 * KIB
# The fields of such a form.
# Beyond: 401 SIGNATURE_MALFORMED.
MAX_SIGNED_FIELDS = 1_000
# The workflows, days and codes of which an isolate counts refused requests until it writes the counts.
# Beyond: those of others are not counted.
MAX_GATHERED_REFUSALS = 1_000
# The days for which refused requests stay counted.
# Beyond: the oldest days are deleted.
MAX_REFUSED_DAYS = 30
# The characters of the key that makes a request idempotent.
# Beyond: 400 IDEMPOTENCY_KEY_INVALID.
MAX_IDEMPOTENCY_KEY_CHARACTERS = 255
# The bytes of an answer that is kept for repetitions of its request.
# Beyond: it is given once; a repetition runs nothing, and gets 409 IDEMPOTENT_ANSWER_NOT_STORED.
MAX_KEPT_ANSWER_BYTES = 256 * KIB
# The keys of requests that each object of the RunLog, or a tenant's Workspace, keeps at once.
# Beyond: those that would expire first are deleted. Change: a shorter `keep_s`.
MAX_REQUEST_KEYS = 100_000
# The bytes of all kept answers of such an object; in an object of the RunLog, a quarter of its size at most.
# Beyond: as above. Change: as above; RUN_LOG_BYTES.
MAX_KEPT_ANSWERS_BYTES = 64 * MIB
# The runs that each object of the RunLog, or a tenant's Workspace, counts at once for workflows with `limits`: those
# that began within a minute, and those that run.
# Beyond: 429 RUN_LIMIT_REACHED.
MAX_ADMISSIONS = 20_000
# The keys of runs under way that an isolate knows of.
# Beyond: it asks their objects.
MAX_KNOWN_CLAIMS = 10_000
# The milliseconds that a repetition waits for the run that is under way (`on_running: wait`).
# Beyond: 409 REQUEST_RUNNING, with Retry-After.
MAX_RUNNING_WAIT_MS = 30_000
# The bytes of a request by which a service checks a webhook, such as Slack's url_verification.
# Beyond: it is a request like any other.
MAX_HANDSHAKE_BYTES = 16 * KIB

# == Workflows

# The characters of a workflow's source.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: TENANT_SOURCE_CHARACTERS lowers it for a tenant.
MAX_SOURCE_CHARACTERS = 256 * KIB
# The nodes of a workflow.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: split the workflow: one can call another (CALLS_SUBFLOW).
MAX_NODES = 500
# The lines of its flow.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: as above.
MAX_LINES = 2_000
# The values in it: strings, numbers, keys, lists and mappings.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: send large data as the input, or fetch it.
MAX_SOURCE_VALUES = 20_000
# The templates in its config.
# Beyond: the diagnostic WORKFLOW_TOO_LARGE. Change: as above.
MAX_TEMPLATES = 3_000
# The loops of a workflow.
# Beyond: the diagnostic INVALID_LOOP.
MAX_LOOPS = 100
# The nested loops around a node.
# Beyond: the diagnostic INVALID_LOOP.
MAX_LOOP_DEPTH = 64
# The depth of YAML.
# Beyond: the diagnostic INVALID_YAML.
MAX_YAML_DEPTH = 64
# The lines of YAML, including empty ones and comments.
# Beyond: the diagnostic INVALID_YAML. Change: write large data as JSON, or send it as the input.
MAX_YAML_LINES = 20_000
# The values in YAML, including keys. A workflow's are limited by MAX_SOURCE_VALUES.
# Beyond: as above. Change: as above.
MAX_YAML_VALUES = 50_000
# The directives and document markers (`---` and `...`) of YAML.
# Beyond: the diagnostic INVALID_YAML.
MAX_YAML_MARKS = 100
# The characters of the name of a workflow, node or loop.
# Beyond: the diagnostic INVALID_NAME.
MAX_NAME_CHARACTERS = 64
# The bytes of a name in UTF-8: it is part of keys, which may have 512.
# Beyond: the diagnostic INVALID_NAME.
MAX_NAME_BYTES = 256
# The characters of a push's `file`, the path that the workflow comes from. Commands send as much of its end as fits.
# Beyond: 400 INVALID_REQUEST.
MAX_FILE_CHARACTERS = 512
# The names in `record_headers`, and of the headers in `cors`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_RECORDED_HEADERS = 50
# The origins that a webhook's `cors` allows.
# Beyond: the diagnostic INVALID_SETTING.
MAX_CORS_ORIGINS = 50
# The hosts in `redirect_hosts` of a response.
# Beyond: the diagnostic INVALID_SETTING.
MAX_REDIRECT_HOSTS = 50
# The headers of a response, each cookie counted.
# Beyond: the diagnostic INVALID_SETTING; in a run, RESPONSE_FAILED.
MAX_RESPONSE_HEADERS = 50
# The characters of a response's headers, names included. The body is limited by MAX_INPUT_BYTES.
# Beyond: the diagnostic INVALID_SETTING; in a run, RESPONSE_FAILED.
MAX_RESPONSE_HEADER_CHARACTERS = 16 * KIB
# The diagnostics of one workflow.
# Beyond: checking stops, and TOO_MANY_FINDINGS says so.
MAX_DIAGNOSTICS = 100
# The seconds of `tolerance_s` of a webhook's `verify`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_TOLERANCE_S = 86_400
# The characters of a text in a webhook's `verify`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_VERIFY_CHARACTERS = 1_024
# The entries of a workflow's `limits`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_START_LIMITS = 5
# The number of `per_minute` in `limits`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_RUNS_PER_MINUTE = 10_000
# The number of `concurrent` in `limits`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_CONCURRENT_RUNS = 1_000
# The seconds of `keep_s` of a webhook's `idempotency`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_IDEMPOTENCY_KEEP_S = 2_592_000
# The attempts of `retry`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_ATTEMPTS = 10
# The elements of one `batch` of FOREACH.
# Beyond: the diagnostic INVALID_SETTING.
MAX_BATCH = 1_000
# The tools that a node may give a language model.
# Beyond: the diagnostic INVALID_SETTING.
MAX_TOOLS = 32
# The times that a node asks a language model which calls tools.
# Beyond: TOOLS_EXHAUSTED.
MAX_TOOL_ROUNDS = 12
# The calls of tools in a run of a node.
# Beyond: TOOLS_EXHAUSTED.
MAX_TOOL_CALLS = 60
# The characters that a language model gets of what a tool has answered.
# Beyond: the rest is left out, and the model is told.
MAX_TOOL_RESULT_CHARACTERS = 32_000
# The rounds of `repeat`, its `max`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_ROUNDS = 1_000
# The milliseconds of the first wait of `retry`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_DELAY_MS = 60_000
# The first rounds and the last rounds of `repeat` that a record shows.
# Beyond: those in between are counted only.
MAX_SHOWN_ROUNDS = 10
# The milliseconds of the wait between two rounds of `repeat`, also when it grows.
# Beyond: the diagnostic INVALID_SETTING; with `backoff: exponential` it stays at that.
MAX_ROUND_WAIT_MS = 300_000
# The milliseconds of a node's `timeout_ms`.
# Beyond: the diagnostic INVALID_SETTING; in a run, NODE_TIMEOUT. Change: the node's `timeout_ms`.
MAX_NODE_TIMEOUT_MS = 300_000
# The milliseconds that a call of a bundled component may compute, counted in fuel (arcrun/wasm/costs.py): so long it
# may block the other requests of the isolate.
# Beyond: FUEL_EXHAUSTED. Change: the node's `cpu_ms`; beyond this the component runs in a sandbox.
CALL_CPU_MS = 200
# The same for a component in a sandbox, whose code may be slower than ours.
# Beyond: as above. Change: the node's `cpu_ms`.
SANDBOX_CALL_CPU_MS = 150
# How many times its fuel's time a call in a sandbox may compute by the platform's own clock (deployed only).
# Beyond: FUEL_EXHAUSTED. Change: the node's `cpu_ms`.
SANDBOX_CPU_FACTOR = 4
# The idle instances of a bundled component that an isolate keeps for later calls, reset to their initial state.
# Beyond: a call gets a new instance, which is dropped after it.
MAX_IDLE_INSTANCES = 2
# The milliseconds of a node's `cpu_ms`.
# Beyond: the diagnostic INVALID_SETTING; in a run, FUEL_EXHAUSTED. Change: TENANT_NODE_CPU_MS lowers it for a tenant.
MAX_NODE_CPU_MS = 10_000
# The milliseconds of a workflow's `timeout_ms`; the default is 300,000.
# Beyond: the diagnostic INVALID_SETTING; in a run, RUN_TIMEOUT. Change: the workflow's or the request's `timeout_ms`.
MAX_RUN_TIMEOUT_MS = 900_000
# The settings of a project's `vars`, in number and in bytes as JSON.
# Beyond: 400 INVALID_VARS.
MAX_VARIABLES, MAX_VARIABLES_BYTES = 200, 32_768
# The characters of a workflow's `input_schema` as JSON.
# Beyond: the diagnostic INVALID_INPUT_SCHEMA.
MAX_INPUT_SCHEMA_CHARACTERS = 32_768
# The inputs that a workflow keeps to be tried with (`examples`).
# Beyond: the diagnostic INVALID_EXAMPLE.
MAX_EXAMPLES = 100
# The characters of the name of such an input.
# Beyond: as above.
MAX_EXAMPLE_NAME_CHARACTERS = 64
# The milliseconds for the undos of a run that has failed, beyond its time limit.
# Beyond: they are stopped, and the run is `undone: partial`.
MAX_UNDO_MS = 20_000
# The milliseconds for the undos of a run that no client waits for (?async=1); they are taken from MAX_ACCEPTED_MS.
# Beyond: they are stopped, and the run is `undone: partial`.
MAX_ACCEPTED_UNDO_MS = 8_000
# The elements of loops and parallel nodes that a run works on at once, nested loops included.
# Beyond: they run one after the other.
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
# The characters of a string that a filter returns. A list is limited by MAX_JSON_VALUES.
# Beyond: the node fails with TEMPLATE_FAILED.
MAX_FILTER_RESULT = 4 * MIB
# The steps of all filters in a node's config. A step visits one element, or 64 characters of a string.
# Beyond: the node fails with TEMPLATE_TOO_COSTLY. Change: use components: array_ops, string_ops, filter.
MAX_TEMPLATE_STEPS = 100_000
# The characters of a date format.
# Beyond: the node fails with TEMPLATE_FAILED.
MAX_DATE_PATTERN = 1_000
# The depth of parentheses in a condition.
# Beyond: the diagnostic INVALID_EXPRESSION.
MAX_CONDITION_DEPTH = 64
# The characters of the expression of an IF.
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
# Beyond: the node fails with TOO_MANY_ITEMS. Change: process them in parts, such as a page per run.
MAX_ELEMENTS = 20_000
# The bytes of a node's rendered input; its number of values is limited by MAX_JSON_VALUES.
# Beyond: the node fails with INPUT_TOO_LARGE. Change: take only the fields that the node needs.
MAX_INPUT_BYTES = 4 * MIB
# The bytes of a run's answer.
# Beyond: the run fails with ANSWER_TOO_LARGE. Change: answer a part, or a reference to the whole.
MAX_ANSWER_BYTES = 8 * MIB
# The bytes of the values that a run holds at once: its input, its nodes' answers, its loops' results. A value counts 16
# bytes more than its JSON.
# Beyond: the node fails with RUN_TOO_LARGE. Change: let nodes answer less, or work on parts in sub-workflows.
MAX_LIVE_BYTES = 16 * MIB
# The bytes of a run's trace and of the part of its answer that is stored with it.
# Beyond: a value that does not fit is cut; when nothing more fits, only sizes are shown.
MAX_TRACE_BYTES = MIB
# The depth of workflows that call one another (CALLS_SUBFLOW).
# Beyond: SUBFLOW_TOO_DEEP.
MAX_SUBFLOW_DEPTH = 8
# The depth of runs that start one another: by requests, with `detach`, with `after`, or by failures.
# Beyond: 508 RUN_TOO_DEEP; of `after` and `failure_of`, a run that has failed with it.
MAX_RUN_DEPTH = 8
# The subrequests of a run: requests to stores, services and other Workers.
# Beyond: SUBREQUEST_LIMIT. Change: the executor's variable SUBREQUEST_LIMIT. Its variable ARCRUN_PLAN sets the plan.
SUBREQUESTS_PAID = 10_000
SUBREQUESTS_FREE = 50
# The sandboxed components that a run calls at once, with any number of calls each: the platform's limit.
# Beyond: calls wait.
MAX_RUN_SANDBOXES = 4
# The milliseconds of processor time that the free plan allows a request, counted in work (arcrun/engine/budget.py).
# Beyond: CPU_BUDGET. Change: move to the Workers paid plan, where the platform allows 30,000 and more.
FREE_PLAN_CPU_MS = 10
# The milliseconds that a durable run may take: 366 days.
# Beyond: it counts as lost.
MAX_DURABLE_MS = 366 * 86_400_000
# The milliseconds of one wait in a durable run: 365 days, as the platform allows.
# Beyond: 422 INVALID_INPUT.
MAX_WAIT_MS = 365 * 86_400_000
# The events that a run under way keeps until it waits for them, and keeps those that it has got.
# Beyond: 429 TOO_MANY_EVENTS.
MAX_RUN_EVENTS = 1_000
# The bytes of an event's payload, as JSON.
# Beyond: 413 EVENT_TOO_LARGE. Change: send a reference to it, such as a URL.
MAX_EVENT_BYTES = 256 * KIB
# The characters of an event's id, by which a second one is known.
# Beyond: 400 INVALID_REQUEST.
MAX_EVENT_ID_CHARACTERS = 100
# The characters of an approver's name in a link.
# Beyond: 422 INVALID_INPUT.
MAX_APPROVER_CHARACTERS = 200
# The bytes of the form with which a person decides.
# Beyond: 413 PAYLOAD_TOO_LARGE.
MAX_DECISION_BYTES = 16 * KIB
# The characters of what an approver writes beside the choice.
# Beyond: the rest is left out.
MAX_COMMENT_CHARACTERS = 2_000
# The milliseconds that a request waits for the end of its accepted run.
# Beyond: the diagnostic INVALID_SETTING; 400 INVALID_REQUEST of `?wait_ms=`.
MAX_ANSWER_WAIT_MS = 60_000
# The milliseconds that a request for a run's record waits for it to be stored.
# Beyond: 400 INVALID_REQUEST of `?wait_ms=`.
MAX_RECORD_WAIT_MS = 2_000
# The milliseconds that a durable run waits for a decision about a call that a crash cut off (`once`): 30 days.
# Beyond: DECISION_MISSING, the failure of the node.
MAX_DECISION_WAIT_MS = 30 * 86_400_000
# The bytes of the data, as JSON, that a decision gives a skipped node.
# Beyond: 413 PAYLOAD_TOO_LARGE.
MAX_SKIPPED_BYTES = 64 * KIB
# The steps of a durable run on the paid plan: what the platform allows, less what the run itself needs.
# Beyond: TOO_MANY_STEPS, before a loop begins that would need more.
MAX_RUN_STEPS = 9_900
# The same on the free plan.
# Beyond: TOO_MANY_STEPS.
FREE_RUN_STEPS = 1_000
# The bytes of a step's result as it is stored, sealed, with its instance.
# Beyond: it is stored in the bucket.
MAX_STEP_RESULT_BYTES = 900 * KIB
# The characters of a step's name.
# Beyond: it ends in its hash.
MAX_STEP_NAME = 200
# The milliseconds of a run that no client waits for (?async=1): after that the platform ends all work.
# Beyond: 400 ACCEPTED_RUN_TOO_LONG.
MAX_ACCEPTED_MS = 30_000
# The steps of a Workflow's instance: the platform's limit.
# Beyond: the platform ends the instance. Change: ARCRUN_PLAN sets the plan.
INSTANCE_STEPS_PAID = 10_000
INSTANCE_STEPS_FREE = 1_024
# The bytes of one value, as JSON, in a trace that has no room for the whole value, and of an accepted run's input when
# it is shown.
# Beyond: it is replaced by a marker with its size and its beginning.
MAX_SHOWN_VALUE_BYTES = 8 * KIB
# The characters of a component's log in a trace.
# Beyond: only its end is shown.
MAX_LOG_CHARACTERS = 2_000

# == Components

# The bytes of a module that is submitted to the registry.
# Beyond: the review step `size_check` refuses it.
MAX_MODULE_BYTES = 8 * MIB
# The bytes of main.js of a component in JavaScript, which each of its calls parses.
# Beyond: SOURCE_TOO_LARGE; the review step `size_check` refuses it.
MAX_JAVASCRIPT_BYTES = 256 * KIB
# The bytes of a contract.
# Beyond: CONTRACT_TOO_LARGE.
MAX_CONTRACT_BYTES = 256 * KIB
# The characters of an input_schema, as JSON, that the Worker itself checks: longer ones take long to compile.
# Beyond: validate_json checks it, unless the component is built in.
MAX_CHECKED_SCHEMA_CHARACTERS = 16 * KIB
# The words of an `enum` in it.
# Beyond: as above.
MAX_CHECKED_WORDS = 100
# The bytes of a submission: the largest module in base64, and its contract.
# Beyond: 413 PAYLOAD_TOO_LARGE.
MAX_SUBMISSION_BYTES = 12 * MIB
# The bytes of a module's type section; this is enough for some 20,000 types.
# Beyond: MODULE_TOO_LARGE.
MAX_TYPE_SECTION_BYTES = 128 * KIB
# The pages (64 KiB each) of a component's memory: 64 MiB, half of what the platform gives an isolate.
# Beyond: memory.grow returns -1; a subsequent failure is MEMORY_LIMIT_EXCEEDED.
MAX_MEMORY_PAGES = 1024
# The bytes of memory of the components that are alive at once in an isolate, as much as a single one may have.
# Beyond: a call waits, within its timeouts; one that is under way and asks the host gets MEMORY_BUSY.
MAX_ALIVE_MEMORY_BYTES = 64 * MIB
# The bytes of memory of those that wait for a host function, such as http_request and sleep, in an isolate: of small
# ones, up to 2 MiB each, and of large ones, which may be a single one with more.
# Beyond: calls of that kind wait, within their timeouts.
MAX_WAITING_MEMORY_BYTES = 30 * MIB
# The bytes of memory that large ones may grow to together before they wait; the rest is for small ones.
# Beyond: what asks the host gets MEMORY_BUSY.
MAX_LARGE_WAITING_BYTES = 48 * MIB
# The bytes of a module that the executor meters itself at its first use: some 2 s of processor time, in stretches.
# Beyond: MODULE_TOO_LARGE. Change: the registry, `acr parts install` and `acr deploy` meter it beforehand.
MAX_METERED_ON_USE_BYTES = 2 * MIB
# The sections of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_SECTIONS = 1_000
# The functions of a module, including imported ones.
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
# The instructions of one constant expression, such as a global's initial value.
# Beyond: MODULE_TOO_LARGE.
MAX_CONSTANT_INSTRUCTIONS = 100
# The exception tags of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_TAGS = 1_000
# The data segments of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_DATA_SEGMENTS = 100_000
# The element segments of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_ELEMENT_SEGMENTS = 1_000
# The tables of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_TABLES = 16
# The entries of all tables of a module together, and of all its element segments together.
# Beyond: TABLE_LIMIT_EXCEEDED if its initial size is larger, else table.grow returns -1; MODULE_TOO_LARGE.
MAX_TABLE_ENTRIES = 65_536
# The bytes of one function's code.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_BYTES = 256 * KIB
# The places in one function that branch or are a branch's target.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_BRANCHES = 50_000
# The local variables of a function, counted again at each place that branches or is a branch's target. Engines track
# all of them there, which takes up to 80 ns and 150 bytes each.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_STATES = 500_000
# The same, summed over all functions of a module.
# Beyond: MODULE_TOO_LARGE.
MAX_MODULE_STATES = 5_000_000
# The bytes of a module's code after metering, which makes code of nothing but branches six times as long.
# Beyond: MODULE_TOO_LARGE.
MAX_METERED_CODE_BYTES = 16 * MIB
# The local variables of one function.
# Beyond: MODULE_TOO_LARGE.
MAX_FUNCTION_LOCALS = 10_000
# The parameters of a function or a block, and its results: engines move them at each branch and call.
# Beyond: MODULE_TOO_LARGE.
MAX_TYPE_VALUES = 100
# The nested blocks in a function.
# Beyond: MODULE_TOO_LARGE.
MAX_NESTING = 10_000
# The targets of one br_table, and the clauses of one try_table.
# Beyond: MODULE_TOO_LARGE.
MAX_BRANCH_TARGETS = 10_000
# The bytes that a component may write to stdout as its answer: 4 MiB of data and what is around it.
# Beyond: OUTPUT_TOO_LARGE.
MAX_STDOUT_BYTES = 4 * MIB + KIB
# The bytes of a component's log on stderr.
# Beyond: the rest is dropped.
MAX_STDERR_BYTES = 64 * KIB
# The bytes of a request to a host function, as JSON.
# Beyond: REQUEST_TOO_LARGE, which the component may handle.
MAX_REQUEST_BYTES = 8 * MIB
# The bytes of a host function's reply, such as the answer to http_request, as JSON.
# Beyond: RESPONSE_TOO_LARGE, which the component may handle.
MAX_REPLY_BYTES = 8 * MIB
# The I/O vectors of one fd_read or fd_write, as many as Linux accepts.
# Beyond: the errno INVAL.
MAX_VECTORS = 1024
# The subscriptions of one poll_oneoff.
# Beyond: the errno INVAL.
MAX_SUBSCRIPTIONS = 1024
# The characters of the error code that a component reports.
# Beyond: the code is COMPONENT_FAILED.
MAX_ERROR_CODE_CHARACTERS = 64
# The characters of the error message that a component reports.
# Beyond: it is left out entirely.
MAX_ERROR_MESSAGE_CHARACTERS = 4_000
# The bytes of all other fields of an error that a component reports, as JSON.
# Beyond: the fields that do not fit are left out entirely, and `left_out` names them.
MAX_ERROR_DETAILS_BYTES = 64 * KIB
# The milliseconds of one `sleep`.
# Beyond: INVALID_REQUEST, which the component may handle.
MAX_SLEEP_MS = 30_000
# The milliseconds of one http_request, its redirects included.
# Beyond: INVALID_REQUEST, which the component may handle.
MAX_HTTP_TIMEOUT_MS = 300_000
# The redirects that one http_request follows.
# Beyond: TOO_MANY_REDIRECTS, which the component may handle.
MAX_REDIRECTS = 5

# == What is kept

# The workflows that an account has at once.
# Beyond: WORKFLOW_LIMIT.
MAX_WORKFLOWS = 5_000
# The names that an account has ever used: a deleted workflow leaves the number of its last version.
# Beyond: WORKFLOW_LIMIT.
MAX_NAMES = 100_000
# The interrupted pushes of one name: each leaves a number.
# Beyond: the oldest is deleted.
MAX_PENDING = 1_000
# The lines of an account's audit that the executor wrote.
# Beyond: the oldest are deleted.
MAX_AUDIT_LINES = 10_000
# The lines of an account's audit that the command line reported.
# Beyond: the oldest are deleted.
MAX_TOLD_LINES = 2_000
# The bytes of one value in a tenant's own KV.
# Beyond: it is not read.
MAX_TENANT_VALUE_BYTES = 8 * MIB
# The keys of a tenant, including those in their grace time.
# Beyond: the oldest is deleted.
MAX_ACCOUNT_KEYS = 5
# The seconds that a rotated key continues to work.
# Beyond: 400 INVALID_REQUEST.
MAX_GRACE_S = 24 * 3600
# The characters of an account's e-mail address (RFC 5321).
# Beyond: 400 INVALID_REQUEST.
MAX_EMAIL_CHARACTERS = 254
# The characters of a moderator's reason.
# Beyond: 400 INVALID_REQUEST.
MAX_DECISION_CHARACTERS = 1_000
# The records in one usage report.
# Beyond: 400 TOO_MANY_RECORDS.
MAX_USAGE_RECORDS = 1_000
# The calls that one usage record counts.
# Beyond: 400 INVALID_RECORD.
MAX_USAGE_COUNT = 1_000_000
# The characters of a component's name in a usage report.
# Beyond: 400 INVALID_RECORD.
MAX_USAGE_NAME_CHARACTERS = 128

# The bytes of one secret that `acr creds` stores.
# Beyond: SECRET_TOO_LARGE.
MAX_SECRET_BYTES = 64 * KIB

# == Authorization of requests

# The milliseconds that a service may take to issue an access token.
# Beyond: TOKEN_UNAVAILABLE.
TOKEN_REQUEST_TIMEOUT_MS = 20_000
# The milliseconds for which one call may fetch a token while others wait for it.
# Beyond: another call fetches it.
TOKEN_LEASE_MS = 30_000
# The milliseconds for which a call waits for a token that another one fetches.
# Beyond: TOKEN_UNAVAILABLE.
MAX_TOKEN_WAIT_MS = 60_000
# The bytes of a service's answer to a request for a token.
# Beyond: RESPONSE_TOO_LARGE.
MAX_TOKEN_ANSWER_BYTES = 64 * KIB
# The characters of an access token, and of a refresh token.
# Beyond: TOKEN_ANSWER_INVALID.
MAX_ACCESS_TOKEN_CHARACTERS = 16 * KIB
# The milliseconds for which an access token is used, however long its service says that it lives.
# Beyond: another one is fetched.
MAX_ACCESS_TOKEN_MS = 86_400_000
# The milliseconds for which a refused credential is not tried again.
# Beyond: it is.
REFUSED_CREDENTIAL_MS = 30_000
# The characters of a URL that a credential is tried with.
# Beyond: 400 INVALID_REQUEST.
MAX_TRIED_URL_CHARACTERS = 8 * KIB
# The access tokens that are kept for an account.
# Beyond: those that have expired, and then those that expire first, are dropped, and fetched again when needed.
MAX_ACCESS_TOKENS = 1_000
# The days for which a refresh token is kept that has taken the place of the credential's, if nobody uses it.
# Beyond: the credential's own is used again.
REFRESH_TOKEN_KEEP_DAYS = 400

# == What an isolate remembers

# The total bytes of workflows, heads, credentials and dead tokens, over all tenants.
# Beyond: the oldest entries are dropped, and read again when needed.
MAX_CACHED_BYTES = 16 * MIB
# Workflows, as plans that are ready to run.
# Beyond: as above.
MAX_CACHED_WORKFLOWS = 256
# Heads of workflows.
# Beyond: as above.
MAX_CACHED_HEADS = 2_000
# Tokens that are known not to exist.
# Beyond: as above.
MAX_DEAD_TOKENS = 1_000
# Decrypted credentials.
# Beyond: as above.
MAX_CACHED_CREDENTIALS = 256
# The bytes of components that are not bundled.
# Beyond: as above.
MAX_CACHED_MODULE_BYTES = 16 * MIB
# The services of tenants.
# Beyond: as above.
MAX_SERVICES = 100
# API keys whose requests are counted.
# Beyond: as above.
MAX_COUNTED_KEYS = 2_000
# The names in a tenant's RunLog that an isolate remembers sealed, and opened.
# Beyond: those that it met first are sealed, or opened, again.
MAX_KNOWN_NAMES = 1_000

# == Records of runs

# The bytes of the records that are written together, a moment after their runs have ended.
# Beyond: they are written immediately, and a new batch begins.
MAX_BATCH_BYTES = 4 * MIB
# The bytes of an isolate's records that are not stored yet.
# Beyond: a record is lost, and counted: `acr doctor` and GET /runs report it.
MAX_UNWRITTEN_BYTES = 16 * MIB
# The bytes of a record in a row of the RunLog, and of the input that is stored with it.
# Beyond: it is stored in the bucket.
MAX_ROW_BYTES = 256 * KIB
# The days for which a workflow's runs are kept by its `keep_days`.
# Beyond: INVALID_SETTING at push.
MAX_KEEP_DAYS = 365
# The days for which runs are kept if the workflow has no `keep_days`.
# Beyond: they are deleted. Change: RUN_LOG_KEEP_DAYS.
RUN_LOG_KEEP_DAYS = 7
# The total bytes of an account's records.
# Beyond: the oldest are deleted. Change: RUN_LOG_BYTES.
RUN_LOG_BYTES = 1024 * MIB
# The rows of Durable Objects that the free plan writes per day, over a whole account.
# Beyond: no record is written until midnight UTC, and lost records are counted; `acr usage` warns before.
FREE_ROWS_WRITTEN = 100_000
# The requests to Durable Objects that it allows per day.
# Beyond: as above.
FREE_OBJECT_REQUESTS = 100_000
# The writes to KV that it allows per day.
# Beyond: verdicts of runs, statistics and pushes are refused until midnight UTC.
FREE_KV_WRITES = 1_000
# The Durable Objects that share the records.
# Beyond: not applicable. Change: RUN_LOG_OBJECTS, up to 1,024. Records in an object that is no longer used are found by
# their id, but no longer listed.
RUN_LOG_OBJECTS = 8
# The runs that an object deletes at once.
# Beyond: the rest follows 0.2 s later.
MAX_PRUNED_RUNS = 500
# The days for which an accepted run that has failed is kept as a dead letter, unless somebody has dealt with it.
# Beyond: it is kept, or deleted, like any other run.
DEAD_LETTER_DAYS = 30
# The dead letters of each object of the RunLog. Their bytes count towards RUN_LOG_BYTES, but others are deleted first.
# Beyond: the oldest are kept, or deleted, like any other run.
MAX_DEAD_LETTERS = 10_000
# The queued runs that each object of the RunLog holds. They take half of its bytes at most.
# Beyond: 503 WORKFLOW_PAUSED, or 429 RUN_LIMIT_REACHED where they wait for their workflow's limits.
MAX_QUEUED_RUNS = 10_000
# The queued runs that each object begins at once when their workflow is resumed.
# Beyond: the rest follows, a second later each time.
MAX_RELEASED_RUNS = 10
# The runs that wait for room in one of a workflow's `limits` (`on_limit: queue`), for each value of its key.
# Beyond: 429 RUN_LIMIT_REACHED, with Retry-After.
MAX_WAITING_RUNS = 1_000
# The runs of a tenant that has gone whose instances, and parts in the bucket, its object deletes at one alarm.
# Beyond: the rest follows, a fifth of a second later each time.
MAX_CLOSED_RUNS = 20
# The milliseconds for which one request follows a run.
# Beyond: the stream ends; its client comes back with the last event's id, and goes on from there.
MAX_FOLLOW_MS = 60_000
# The requests that follow an account's runs at once, in an isolate.
# Beyond: 429 TOO_MANY_FOLLOWERS.
MAX_FOLLOWERS = 20
# The runs under way of which an object notes that they are to be cancelled.
# Beyond: the oldest notes go.
MAX_CANCEL_NOTES = 10_000
# The verdicts of runs that are written to KV at once.
# Beyond: the rest follows with the next write.
MAX_EXPORTED_VERDICTS = 10_000

# == Schedules

# The schedules of a workflow.
# Beyond: the diagnostic INVALID_SETTING.
MAX_SCHEDULES = 20
# The characters of a cron expression, a moment or a zone.
# Beyond: the diagnostic INVALID_SETTING.
MAX_SCHEDULE_CHARACTERS = 200
# The bytes of a schedule's `input`, as JSON.
# Beyond: the diagnostic INVALID_SETTING.
MAX_SCHEDULE_INPUT_BYTES = 16 * KIB
# The milliseconds of an `every`, at least.
# Beyond: the diagnostic INVALID_SETTING.
MIN_EVERY_MS = 60_000
# The same, at most.
# Beyond: the diagnostic INVALID_SETTING.
MAX_EVERY_MS = 366 * 86_400_000
# The milliseconds of a `jitter`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_JITTER_MS = 3_600_000
# The days for which times that have passed are caught up, of whatever schedule.
# Beyond: they are missed, and counted as such.
CATCH_UP_DAYS = 7
# The times that `catch_up: all` catches up together, the newest ones.
# Beyond: as above.
MAX_CAUGHT_UP = 100
# The milliseconds that a time may have passed with `catch_up: none`.
# Beyond: as above.
MAX_LATE_MS = 600_000
# The runs of a schedule that wait because of `overlap: queue`.
# Beyond: later ones are missed, and counted as such.
MAX_WAITING_FIRINGS = 100
# The runs that all schedules start at once: 10 on the free plan, for the sake of its subrequests. The platform takes
# 100 of them a second.
# Beyond: the rest follows, a second later each time.
MAX_FIRINGS = 100
# The same of schedules, of failures and of chains, each, for a tenant of a hosted platform: tenants share what the
# platform takes.
# Beyond: as above.
MAX_TENANT_FIRINGS = 10
# The milliseconds for which a tenant's schedules look for a tenant that is not to be found.
# Beyond: they rest, until the tenant asks the platform for anything.
MAX_GONE_MS = 86_400_000
# The times of a cron expression between which a tenant's push looks for the shortest interval.
# Beyond: not looked at.
MAX_INTERVAL_TIMES = 100
# The workflows whose schedules are on a page: their next times are computed for it.
# Beyond: the rest comes by the cursor.
MAX_SCHEDULES_PAGE = 20
# The times that are shown of a schedule.
# Beyond: 400 INVALID_REQUEST.
MAX_SHOWN_TIMES = 100

# == Failures

# The workflows in `failure_of`. "*" stands for all others.
# Beyond: the diagnostic INVALID_SETTING.
MAX_FAILURES_OF = 100
# The failed runs of which each object of the RunLog has not told yet.
# Beyond: the oldest are not told.
MAX_UNTOLD_FAILURES = 10_000
# The failed runs of which an object of the RunLog tells at once.
# Beyond: the rest follows at once.
MAX_TOLD_FAILURES = 200
# The characters of a failure's message that a run started by `failure_of` gets.
# Beyond: it is cut.
MAX_TOLD_CHARACTERS = 1_000
# The workflows whose failures are counted for such a run, by their names.
# Beyond: those of others count in its total.
MAX_COUNTED_WORKFLOWS = 100

# == Chains

# The workflows in `after`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_AFTER = 100
# The characters of an answer, sealed, with which it is handed on in rows.
# Beyond: it lies in the bucket, with the run's record.
MAX_CHAINED_CHARACTERS = 64 * KIB
# The runs of followed workflows of which each object of the RunLog has not told yet.
# Beyond: the oldest start nothing.
MAX_UNTOLD_ENDS = 10_000
# The runs of followed workflows of which an object of the RunLog tells at once.
# Beyond: the rest follows at once.
MAX_TOLD_ENDS = 50

# The runs of a tenant's followed workflows whose followers have not all begun.
# Beyond: the RunLog tells of more when there is room; until then the limit above counts.
MAX_WAITING_ENDS = 10_000
# == Watches

# The items that a poll of `watch` may list.
# Beyond: the poll fails with WATCH_TOO_MANY_ITEMS.
MAX_WATCHED_ITEMS = 1_000
# The bytes of an item, as JSON.
# Beyond: its run fails with WATCH_ITEM_TOO_LARGE.
MAX_WATCHED_ITEM_BYTES = 128 * KIB
# The keys that are kept of a watch: by them it is known which items have started a run.
# Beyond: those that were listed longest ago are forgotten, never one that is still listed. `acr schedule list` says how
# many; an item whose key was forgotten starts a run again if it comes back.
MAX_SEEN_KEYS = 10_000
# The items of a watch that wait for their runs to begin.
# Beyond: the next poll takes the rest, if they are still listed.
MAX_WAITING_ITEMS = 1_000
# The characters of a key in `request.trigger`.
# Beyond: it is the key's SHA-256.
MAX_SHOWN_KEY_CHARACTERS = 200
# The characters of sealed items that a poll hands over at once, or that begin together.
# Beyond: the rest follows at once.
MAX_ITEMS_CHARACTERS = 2 * MIB

# == Stores

# The bytes of a value in a store, as JSON.
# Beyond: STORE_VALUE_TOO_LARGE.
MAX_STORE_VALUE_BYTES = 256 * KIB
# The bytes of a key in a store.
# Beyond: STORE_KEY_TOO_LONG.
MAX_STORE_KEY_BYTES = 512
# The milliseconds for which an entry may be stored that is not to stay for ever.
# Beyond: INVALID_REQUEST.
MAX_STORE_TTL_MS = 400 * 86_400_000
# The entries of an account's stores.
# Beyond: STORE_FULL; what is there can be read, changed and deleted.
MAX_STORE_ENTRIES = 1_000_000
# The bytes of an account's stores, with their keys, as they are sealed.
# Beyond: as above.
MAX_STORE_BYTES = 1024 * MIB
# The entries on a page of a store.
# Beyond: INVALID_REQUEST; the rest comes by the cursor.
MAX_STORE_PAGE = 100
# The pages of stores, and of schedules, that are counted for what a tenant takes of its limits.
# Beyond: not counted, and the sum is shown as an estimate.
MAX_MEASURED_PAGES = 50
# The entries of a store that one request reads or puts with their values: each is an operation.
# Beyond: INVALID_REQUEST; the rest comes by the cursor, or by another request.
MAX_STORE_VALUES = 20
# The entries of a store that are looked at for a page with a prefix.
# Beyond: the page ends early, with a cursor.
MAX_STORE_SCANNED = 1_000
# The days for which a store knows that it has done an operation, and what it answered.
# Beyond: an attempt that comes later does it again.
STORE_DONE_DAYS = 30

# == Blobs

# The bytes of a blob.
# Beyond: BLOB_TOO_LARGE; what was written of it is deleted.
MAX_BLOB_BYTES = 100 * MIB
# The bytes of a piece of a blob, which is sealed, written, read and sent by itself.
# Beyond: another piece.
BLOB_PIECE_BYTES = 1 * MIB
# The bytes that a component reads of a blob at once.
# Beyond: INVALID_REQUEST.
MAX_BLOB_READ_BYTES = 1 * MIB
# The blobs that one call of a component has begun and not finished.
# Beyond: INVALID_REQUEST.
MAX_UNFINISHED_BLOBS = 4
# The blobs of a run, those of attempts that have failed included.
# Beyond: BLOBS_FULL.
MAX_RUN_BLOBS = 200
# The bytes of them together. One that is begun below it may end above it.
# Beyond: BLOBS_FULL.
MAX_RUN_BLOBS_BYTES = 500 * MIB
# The bytes of an account's blobs, of all runs that are kept; each object of the RunLog has its share.
# Beyond: BLOBS_FULL; what is there can be read. Change: of a tenant, the executor's variable TENANT_BLOB_BYTES.
MAX_BLOBS_BYTES = 20 * 1024 * MIB
# The hours for which the blobs of a run stay that has no record in the RunLog: one without a record, one that a crash
# has ended, a tenant's quick one.
# Beyond: they are deleted.
UNKEPT_BLOBS_HOURS = 24
# The replays of replays through which a blob of the first run is found.
# Beyond: BLOB_NOT_FOUND.
MAX_BLOB_REPLAYS = 8
# The parts of a request's body that has blobs in it.
# Beyond: INVALID_REQUEST.
MAX_BODY_PARTS = 200
# The bytes of such a body, as it is sent.
# Beyond: REQUEST_TOO_LARGE.
MAX_STREAMED_BODY_BYTES = 150 * MIB
# The characters of a blob's content type.
# Beyond: it is application/octet-stream.
MAX_CONTENT_TYPE_CHARACTERS = 255

# == Messages (mail)

# The bytes of a message that a workflow takes, attachments encoded.
# Beyond: the message is refused. Change: `max_bytes` of `email` lowers it.
MAX_MESSAGE_BYTES = 10 * MIB
# The bytes of all headers of a message.
# Beyond: the message is refused.
MAX_MESSAGE_HEADER_BYTES = 256 * KIB
# The headers of a message, repetitions included.
# Beyond: the message is refused.
MAX_MESSAGE_HEADERS = 1_000
# The characters of a header that says what a part is and what it is called.
# Beyond: the part is a nameless attachment of octets.
MAX_CONTENT_HEADER_CHARACTERS = 4 * KIB
# The addresses in all headers of one name, such as To.
# Beyond: the message is refused.
MAX_MESSAGE_ADDRESSES = 1_000
# The depth of comments, in parentheses, in a header with addresses.
# Beyond: the message is refused.
MAX_COMMENT_DEPTH = 50
# The parts of a message, those within others included.
# Beyond: the message is refused.
MAX_MESSAGE_PARTS = 1_000
# Those of them that have parts themselves.
# Beyond: the message is refused.
MAX_MESSAGE_CONTAINERS = 64
# The lines of a message times those parts: at each line the parser looks for the end of each.
# Beyond: the message is refused.
MAX_MESSAGE_WORK = 8_000_000
# The characters of an attachment's name.
# Beyond: it is cut off.
MAX_FILENAME_CHARACTERS = 255
# The bytes of an attachment that is within the input.
# Beyond: it lies in the bucket, and the input names it.
MAX_INLINE_ATTACHMENT_BYTES = 256 * KIB
# The bytes of all of them together.
# Beyond: as above.
MAX_INLINE_ATTACHMENTS_BYTES = 1_024 * KIB
# The attachments of a message that lie in the bucket.
# Beyond: the message is refused.
MAX_STORED_ATTACHMENTS = 24
# The characters of a message's text, and of its HTML, within the input.
# Beyond: it is cut off, and the whole is among the attachments.
MAX_MESSAGE_TEXT_CHARACTERS = 256 * KIB
# The entries of `from` of `email`.
# Beyond: the diagnostic INVALID_SETTING.
MAX_ALLOWED_SENDERS = 100
# The characters of the name of a workflow that has an address: with the tag it fits into the 64 of RFC 5321.
# Beyond: the diagnostic INVALID_SETTING.
MAX_MAILBOX_CHARACTERS = 40
# The same, on a hosted platform, where the address says whose it is.
# Beyond: 422 MAILBOX_NAME_TOO_LONG.
MAX_TENANT_MAILBOX_CHARACTERS = 25
# The days for which a message that is delivered again starts no second run.
# Beyond: it does.
MESSAGE_KEEP_DAYS = 14

# == The command line

# The YAML files of a folder that `acr validate` and `acr test` look through.
# Beyond: FOLDER_TOO_LARGE.
MAX_FOLDER_FILES = 2_000
# The characters of a file of workflow tests.
# Beyond: INVALID_TEST.
MAX_TEST_FILE_CHARACTERS = 4 * MIB
# The tests in it.
# Beyond: INVALID_TEST.
MAX_TESTS_A_FILE = 500
# The characters of a test's name.
# Beyond: INVALID_TEST.
MAX_TEST_NAME_CHARACTERS = 200
# The runs that an `acr retry` with --workflow or --since retries.
# Beyond: it says how many are left, for another `acr retry`.
MAX_RETRIED_RUNS = 100
# The runs that it looks through, the newest first.
# Beyond: as above.
MAX_SEARCHED_RUNS = 1_000
