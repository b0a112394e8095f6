"""What a Worker logs: a line of JSON each, which Workers Logs reads into fields. docs/operations.md has the format."""

import json
import logging

import js


class JsonLogHandler(logging.Handler):
    """Writes each record to the console, with the console's level."""

    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        line = {"level": record.levelname.lower(), "worker": self._worker, "message": record.getMessage()}
        if record.exc_info:
            line["error"] = (self.formatter or logging.Formatter()).formatException(record.exc_info)
        text = json.dumps({**line, **getattr(record, "fields", {})})
        if record.levelno >= logging.ERROR:
            js.console.error(text)
        elif record.levelno >= logging.WARNING:
            js.console.warn(text)
        else:
            js.console.log(text)


def write_logs(worker: str, level: int = logging.WARNING) -> None:
    """Let the Worker of that name log what has this level, or a higher one."""
    logging.basicConfig(level=level, handlers=[JsonLogHandler(worker)])
