"""What the error codes of the built-in components mean: the table on each one's page.

A test requires a line here for every code that the components' sources and scenarios have.
"""

NETWORK = "requests"
SERVICE_CODES = (
    "BAD_REQUEST",
    "CONFLICT",
    "FORBIDDEN",
    "INVALID_RESPONSE",
    "NOT_FOUND",
    "RATE_LIMITED",
    "SERVICE_UNAVAILABLE",
    "TOO_LARGE",
    "UNAUTHORIZED",
    "UNEXPECTED_STATUS",
)
# code: (what it means, whether `retry` repeats it)
MEANINGS = {
    "BAD_REQUEST": ("The service refused the request (400 or 422): the message has its reason.", "no"),
    "CODE_FAILED": (
        "The code has thrown: the message, `error.line`, `error.column` and `error.stack` say what and where. An error "
        "with a `code` of its own, in capital letters, keeps it; with `retriable: true` it is repeated.",
        "as the error says",
    ),
    "CONFLICT": ("The service has something else in that place (409).", "no"),
    "DATE_OUT_OF_RANGE": ("The result lies outside the years 1 to 9999.", "no"),
    "DIVISION_BY_ZERO": ("A division by zero.", "no"),
    "EMPTY_LIST": ("The list is empty, and the operation needs an item.", "no"),
    "FORBIDDEN": ("The credential may not do this (403).", "no"),
    "HTTP_STATUS": (
        "The server answered with a status that is not a success; `error.status` has it.",
        "408, 425, 429, 5xx",
    ),
    "HTTP_TIMEOUT": ("There was no whole answer in time.", "yes"),
    "INVALID_CONDITION": ("The condition cannot be read.", "no"),
    "INVALID_INPUT": ("A field is missing or wrong; the message names it.", "no"),
    "INVALID_PATH": ("The path leads into a value that has no members.", "no"),
    "INVALID_PROGRAM": ("The program of a transform is wrong; the message says where.", "no"),
    "INVALID_RESPONSE": ("The service's answer is not of the documented form.", "no"),
    "INVALID_RESPONSE_BODY": ("The answer's body is not what `response` asks for.", "no"),
    "INVALID_SCHEMA": ("The JSON Schema is wrong; the message says where.", "no"),
    "MESSAGE_TOO_LARGE": ("Texts and attachments together are too large.", "no"),
    "NESTED_TOO_DEEP": ("A value is nested too deep.", "no"),
    "NEEDS_DURABLE": ("Only a durable run may wait for that: `durable: true` in the workflow.", "no"),
    "WAIT_TIMED_OUT": ("Nothing came before the `timeout`.", "no"),
    "NOT_FOUND": ("The service does not have it (404).", "no"),
    "NOT_TEXT": ("The bytes are not UTF-8 text.", "no"),
    "NEVER_SETTLES": ("The code awaits a promise that nothing settles any more.", "no"),
    "NO_FUNCTION": ("The module has no function as its default export.", "no"),
    "NO_MATCH": ("No case fits, and there is no default.", "no"),
    "NO_REAL_RESULT": ("The calculation has no result among the real numbers.", "no"),
    "OUT_OF_MEMORY": ("The code's values need more than 48 MiB.", "no"),
    "OUT_OF_RANGE": ("A number, or the result, is beyond what can be kept exactly.", "no"),
    "PROGRAM_FAILED": ("The program does not suit this value; the message says where.", "no"),
    "QUOTA_EXCEEDED": ("The service's monthly quota is used up.", "no"),
    "RATE_LIMITED": ("Too many requests (429); `error.retry_after_s` says how long to wait.", "yes"),
    "RESPONSE_TOO_LARGE": ("The answer of a request does not fit.", "no"),
    "RESULT_NOT_JSON": ("The result has a value that JSON cannot hold; the message names it.", "no"),
    "RESULT_TOO_LARGE": ("The result would be too large.", "no"),
    "SCHEMA_TOO_COSTLY": ("Checking takes too many steps.", "no"),
    "SCHEMA_TOO_DEEP": ("The schema leads too deep.", "no"),
    "SERVICE_UNAVAILABLE": ("The service has a problem of its own (5xx).", "yes"),
    "STACK_OVERFLOW": ("Functions call each other too deep, some hundred levels.", "no"),
    "SYNTAX_ERROR": ("The code cannot be compiled; the message says where.", "no"),
    "TOO_LARGE": ("The service takes no request of this size (413).", "no"),
    "TOO_MANY_REQUESTS": ("The call has sent 250 requests.", "no"),
    "TYPE_MISMATCH": ("Values of these types cannot be compared.", "no"),
    "UNAUTHORIZED": ("The service refused the credential (401): store a current one.", "no"),
    "UNHANDLED_REJECTION": ("A promise was rejected, and nothing awaits it; the message has its reason.", "no"),
    "UNEXPECTED_STATUS": ("The service answered with another status; `error.status` has it.", "408, 425"),
}
