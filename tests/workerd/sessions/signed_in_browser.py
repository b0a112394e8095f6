"""A browser on this machine, as far as sessions go: what it sends to a platform, and the cookies that it keeps."""

from typing import Any

import httpx


class Browser:
    """One browser on this machine: its cookies are those of 127.0.0.1, whatever the port. Python's own would not send a
    Secure cookie to http://127.0.0.1, which browsers do.
    """

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def ask(self, origin: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Sec-Fetch-Site": "same-origin", "Origin": origin, **({"Cookie": cookie} if cookie else {})}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = httpx.request(method, origin + path, json=body, headers={**sent, **named}, timeout=60, trust_env=False)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", {}).get("code", "")
