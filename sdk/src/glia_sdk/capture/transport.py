"""Requests on connections that are kept, with the standard library: it loads fast and holds no lock for long."""

from __future__ import annotations

import http.client
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

TIMEOUT = 30.0  # seconds
LONGEST_ANSWER = 16 * 1024 * 1024  # bytes


class NoAnswer(Exception):
    """The server could not be reached, or did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Transport:
    """Requests to one server, and to where it sends uploads. Every thread has connections of its own.

    Args:
        url: the server's address, with its stage prefix if it has one.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        self._url = url.rstrip("/") + "/"
        self._timeout = timeout
        self._threads = threading.local()
        self._opened: set[http.client.HTTPConnection] = set()  # they outlive the thread that opened them, to be closed
        self._tls: ssl.SSLContext | None = None

    def request(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        """
        Args:
            address: a path of the server, without a slash before it, or a whole address.

        Raises:
            NoAnswer
        """
        at = urlsplit(urljoin(self._url, address))
        connection, is_fresh = self._connection(at)
        target = (at.path or "/") + (f"?{at.query}" if at.query else "")
        try:
            return self._ask(connection, method, target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self._drop(at)
            if is_fresh:
                raise NoAnswer(type(error).__name__) from error
        return self.request(method, address, body, headers)  # a kept connection may have been closed meanwhile

    def close(self) -> None:
        """Closes all connections; requests under way fail."""
        for connection in list(self._opened):
            connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> Answer:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        if (response.length or 0) > LONGEST_ANSWER:
            raise http.client.IncompleteRead(b"")
        body = response.read(LONGEST_ANSWER) if response.chunked else response.read()  # each tells of a cut-off body
        answer = Answer(response.status, response.headers, body)
        if response.will_close or not response.isclosed():
            connection.close()
        return answer

    def _connection(self, at: SplitResult) -> tuple[http.client.HTTPConnection, bool]:
        kept: dict[str, http.client.HTTPConnection] = self._threads.__dict__.setdefault("kept", {})
        connection = kept.get(at.netloc)
        if connection is not None and connection.sock is not None:
            return connection, False
        if connection is not None:
            self._opened.discard(connection)
        connection = kept[at.netloc] = self._open(at)
        self._opened.add(connection)
        return connection, True

    def _open(self, at: SplitResult) -> http.client.HTTPConnection:
        host, port = at.hostname or "", at.port or (443 if at.scheme == "https" else 80)
        proxy = _proxy(at)
        to, through = (proxy.hostname or "", proxy.port or 3128) if proxy else (host, port)
        if at.scheme == "https":
            self._tls = self._tls or ssl.create_default_context()
            secure = http.client.HTTPSConnection(to, through, timeout=self._timeout, context=self._tls)
            if proxy:
                secure.set_tunnel(host, port)
            return secure
        plain = http.client.HTTPConnection(to, through, timeout=self._timeout)
        if proxy:
            plain.set_tunnel(host, port)
        return plain

    def _drop(self, at: SplitResult) -> None:
        connection = self._threads.kept.pop(at.netloc, None)
        if connection is not None:
            self._opened.discard(connection)
            connection.close()


def _proxy(at: SplitResult) -> SplitResult | None:
    """The proxy that the environment names for an address."""
    named = getproxies()
    found = named.get(at.scheme) or named.get("all")
    if not found or proxy_bypass(at.hostname or ""):
        return None
    return urlsplit(found if "//" in found else f"//{found}")
