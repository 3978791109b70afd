"""A web server with faults, for downloads."""

from __future__ import annotations

import http.server
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlparse


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, by path; calls `then` after each of them.

    What a query says goes wrong: `cut=N` ends the connection after N bytes, as often as `times` says; `busy=N` answers
    503 N times; `norange` sends all of it always; `shift` another part than was asked for; `hops=N` redirects N times;
    `to=URL` once, there. `etag` names the file's version.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.then: Callable[[], Any] = lambda: None
        self.requests: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked.partition("?")[0] == path for asked, _ in self.requests)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer as the query says."""
        self.server.requests.append((self.path, self.headers.get("Range")))
        parts = urlparse(self.path)
        wish = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        count = self.server.count(parts.path)
        if int(wish.get("hops", 0)) or "to" in wish:
            left = int(wish.get("hops", 1)) - 1
            self.send_response(302)
            self.send_header("Location", wish.get("to") or f"{parts.path}?hops={left}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif parts.path not in self.server.files:
            self.send_error(404)
        elif count <= int(wish.get("busy", 0)):
            self.send_error(503)
        else:
            self._send(self.server.files[parts.path], wish, count)

    def _send(self, data: bytes, wish: dict[str, str], count: int) -> None:
        asked, start, version = self.headers.get("Range"), 0, f'"{zlib.crc32(data)}"'
        if asked and "norange" not in wish and self.headers.get("If-Range") in (None, version):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
        body = data[start:]
        self.send_response(206 if start else 200)
        if start:
            begin = start - 1 if "shift" in wish else start
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        if "etag" in wish:
            self.send_header("ETag", version)
        self.send_header(
            "Content-Type", self.server.kinds.get(self.path.partition("?")[0], "application/octet-stream")
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        short = "cut" in wish and count <= int(wish.get("times", 1))
        self.wfile.write(body[: int(wish["cut"])] if short else body)
        self.close_connection = True
        self.server.then()

    def log_message(self, *message: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """A server, which runs meanwhile."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
