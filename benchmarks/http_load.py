"""A minimal HTTP/1.1 client for benchmarks: one keep-alive connection per client, one prepared request, repeated."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class PreparedRequest:
    """A request to `host`:`port`, as bytes."""

    host: str
    port: int
    content: bytes


def prepare(method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> PreparedRequest:
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, "Content-Length": str(len(body)), **(headers or {})}
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return PreparedRequest(parts.hostname or "", parts.port or 80, head.encode() + b"\r\n" + body)


async def time_requests(request: PreparedRequest, count: int) -> list[float]:
    """Latencies in milliseconds of `count` sequential requests. Raises RuntimeError unless every status is 2xx."""
    reader, writer = await asyncio.open_connection(request.host, request.port)
    latencies_ms = []
    for _ in range(count):
        started = time.perf_counter()
        writer.write(request.content)
        await _read_answer(reader)
        latencies_ms.append((time.perf_counter() - started) * 1000)
    writer.close()
    await writer.wait_closed()
    return latencies_ms


async def time_last(*requests: PreparedRequest) -> float:
    """The latency in milliseconds of the last of `requests`, all sent over one connection."""
    reader, writer = await asyncio.open_connection(requests[-1].host, requests[-1].port)
    for request in requests:
        started = time.perf_counter()
        writer.write(request.content)
        await _read_answer(reader)
    latency_ms = (time.perf_counter() - started) * 1000
    writer.close()
    await writer.wait_closed()
    return latency_ms


async def count_requests(request: PreparedRequest, clients: int, duration_s: float) -> tuple[float, list[float]]:
    """Answers per second for `clients` concurrent clients, and the latencies in milliseconds."""
    latencies_ms: list[float] = []
    started = time.perf_counter()

    async def one_client() -> None:
        while time.perf_counter() - started < duration_s:
            latencies_ms.extend(await time_requests(request, 10))

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return len(latencies_ms) / (time.perf_counter() - started), latencies_ms


async def repeat_requests(request: PreparedRequest, clients: int, count: int) -> None:
    """Send `request` `count` times in total, from `clients` concurrent clients."""
    await asyncio.gather(*(time_requests(request, count // clients) for _ in range(clients)))


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    status = head.split(b" ", 2)[1]
    fields = dict(_field(line) for line in head.split(b"\r\n")[1:])
    if fields.get(b"transfer-encoding") == b"chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(fields.get(b"content-length", 0)))
    if not status.startswith(b"2"):
        raise RuntimeError(f"HTTP {status.decode()}: {body.decode()[:500]}")
    return body


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body. Trailers are not supported, as the request does not allow any."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body
