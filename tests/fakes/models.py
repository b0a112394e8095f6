"""What services of language models answer, in the shapes that they document, errors included.

OpenAI: https://platform.openai.com/docs/api-reference/chat/object and /docs/guides/error-codes. Anthropic:
https://platform.claude.com/docs/en/api/messages and /api/errors. Workers AI:
https://developers.cloudflare.com/workers-ai/features/json-mode/ and /function-calling/.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]


def tell_openai(
    text: str | None,
    finish_reason: str = "stop",
    *,
    refusal: str | None = None,
    calls: Sequence[tuple[str, str, str]] = (),
    tokens: tuple[int, int] = (10, 5),
) -> JsonObject:
    """A chat completion. `calls` are (id, name, arguments as a text)."""
    message: JsonObject = {"role": "assistant", "content": text, "refusal": refusal, "annotations": []}
    if calls:
        message["tool_calls"] = [
            {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}
            for call, name, arguments in calls
        ]
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "gpt-5-mini-2025-08-07",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
    }


def tell_anthropic(
    text: str | None,
    stop_reason: str = "end_turn",
    *,
    calls: Sequence[tuple[str, str, Mapping[str, Any]]] = (),
    tokens: tuple[int, int] = (10, 5),
) -> JsonObject:
    """A message. `calls` are (id, name, input)."""
    content: list[JsonObject] = [{"type": "text", "text": text}] if text is not None else []
    content += [{"type": "tool_use", "id": call, "name": name, "input": value} for call, name, value in calls]
    return {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": tokens[0],
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens[1],
        },
    }


def tell_workers_ai(
    response: Any, *, calls: Sequence[tuple[str, Mapping[str, Any]]] = (), tokens: tuple[int, int] = (10, 5)
) -> JsonObject:
    """An answer of a text generation model. `calls` are (name, arguments)."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    called = [{"name": name, "arguments": value} for name, value in calls]
    return {"response": response, "tool_calls": called, "usage": usage}


def refuse_openai(message: str, kind: str, code: str | None = None) -> JsonObject:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refuse_anthropic(kind: str, message: str) -> JsonObject:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


def over_http(body: JsonObject, status: int = 200, headers: Mapping[str, str] | None = None) -> JsonObject:
    """The reply of the host function http_request."""
    return {"status": status, "headers": dict(headers or {}), "body": json.dumps(body)}
