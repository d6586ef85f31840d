"""Asking services on the network: bounded, polite, patient, and never where we were not sent."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from logging import getLogger
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from geoserver_app.settings import Settings
from ingest.source import BadSource, RefusedSource, SourceUnavailable

log = getLogger(__name__)

T = TypeVar("T")

URL_LENGTH_MAX = 1800
"""A longer query is sent as a form: ArcGIS servers answer 414 from about 2,000 characters on."""
REDIRECTS_MAX = 5
CONNECT_SECONDS = 10.0
WAIT_MAX_S = 60.0
CHUNK = 1 << 18
_LOGIN = re.compile(r"://[^/?#@\s]+@")
_SECRET = re.compile(
    r"(?i)([?&;][\w.-]*(?:key|token|passw(?:or)?d|pwd|secret|sig|signature|auth|credential)=)[^&;#\s'\"]+"
)
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


class Transient(Exception):
    """An answer that may be right the next time; its text becomes the error when it never is."""


class HostUnreachable(SourceUnavailable):
    """No connection was ever made; other layers of this host need not wait for the same."""

    def __init__(self, detail: str, host: str) -> None:
        super().__init__(detail)
        self.host = host


class HttpError(SourceUnavailable):
    """An answer with an error status that asking again would not change."""

    def __init__(self, detail: str, code: int, body: bytes) -> None:
        super().__init__(detail)
        self.code = code
        self.body = body


def check_url(url: str) -> str:
    """The URL if it is http or https to a named host; RefusedSource otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RefusedSource(f"{masked(url)!r} is not an http or https address")
    if parts.username is not None:
        raise RefusedSource("an address must not hold a user name and password")
    return url


def masked(text: str) -> str:
    """A text that may hold addresses, without the passwords and keys in them: for logs, messages and records."""
    return _SECRET.sub(r"\1***", _LOGIN.sub("://***@", text))


def is_url(text: str) -> bool:
    return "://" in text


def host_of(url: str | None) -> str | None:
    """The host an address names; None for a file, and where there is none."""
    return urlsplit(url).hostname if url and is_url(url) else None


class Client:
    """One source's connection: no more requests a second than set, repeated with growing waits.

    Waits hold no chance, so a test of them is exact. Only the host it was made for is asked,
    unless the settings let redirects lead elsewhere.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.host = urlsplit(check_url(url)).hostname
        self.settings = settings
        self.session = requests.Session()
        self.session.headers.update({"User-Agent": "Maillage loader", "Accept-Encoding": "gzip, deflate"})
        self._next = 0.0
        self._answered = False

    def close(self) -> None:
        self.session.close()

    def ask(self, url: str, parse: Callable[[bytes], T], params: Mapping[str, str] | None = None) -> T:
        """The parsed answer to a query; sent as a form where it would be too long for an address.

        ``parse`` may raise Transient to have the question asked again. Raises SourceUnavailable.
        """
        query = urlencode(params or {})
        mark = "&" if urlsplit(url).query else "?"
        if len(url) + len(query) < URL_LENGTH_MAX:
            try:
                return self._patiently(lambda: parse(self._body("GET", f"{url}{mark}{query}" if query else url, None)))
            except HttpError as error:
                if error.code != 414:
                    raise
        return self._patiently(lambda: parse(self._body("POST", url, query)))

    def download(self, url: str, target: Path, length: int | None = None) -> Path:
        """Fetch a file whole into ``target``; a cut connection starts it again from the beginning.

        ``length`` is what a feed announces. Nothing stands at ``target`` until everything is there.
        """
        part = target.with_name(target.name + ".part")
        try:
            self._patiently(lambda: self._fetch(url, part, length))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def _patiently(self, attempt: Callable[[], T]) -> T:
        wait = self.settings.source_backoff_s
        for left in range(self.settings.source_retries, -1, -1):
            try:
                return attempt()
            except _Wait as error:
                reason, pause = str(error), max(wait, error.seconds)
            except (Transient, requests.RequestException) as error:
                reason, pause = _told(error), wait
            if left:
                log.info("%s; asking again in %.1f s", reason, pause)
                time.sleep(min(pause, WAIT_MAX_S))
                wait *= 2
        tries = self.settings.source_retries + 1
        if not self._answered:
            raise HostUnreachable(f"{self.host} could not be reached in {tries} tries: {reason}", str(self.host))
        raise SourceUnavailable(f"{self.host} gave no usable answer in {tries} tries: {reason}")

    def _body(self, method: str, url: str, form: str | None) -> bytes:
        most = self.settings.source_page_bytes_max
        until = time.monotonic() + 10 * self.settings.source_timeout_s
        body = bytearray()
        with self._send(method, url, form) as response:
            for chunk in response.iter_content(CHUNK):
                body += chunk
                if len(body) > most:
                    raise RefusedSource(f"{self.host} answers with more than {most} bytes at once")
                if time.monotonic() > until:
                    raise Transient(f"{self.host} takes too long to finish an answer")
        return bytes(body)

    def _fetch(self, url: str, part: Path, length: int | None) -> None:
        most = self.settings.source_download_bytes_max
        done = 0
        with self._send("GET", url, None) as response, part.open("wb") as out:
            announced = int(response.headers.get("Content-Length") or 0)
            if announced > most or (length or 0) > most:
                long = max(announced, length or 0)
                raise RefusedSource(f"{masked(url)} is {long} bytes long; raise MAILLAGE_SOURCE_DOWNLOAD_BYTES_MAX")
            for chunk in response.iter_content(CHUNK):
                done += len(chunk)
                if done > most:
                    raise RefusedSource(
                        f"{masked(url)} is longer than {most} bytes; raise MAILLAGE_SOURCE_DOWNLOAD_BYTES_MAX"
                    )
                out.write(chunk)
        if length is not None and done < length:
            raise Transient(f"{masked(url)} broke off after {done} of {length} bytes")

    def _send(self, method: str, url: str, form: str | None) -> requests.Response:
        for _ in range(REDIRECTS_MAX):
            self._check_host(url)
            response = self._paced(method, url, form)
            place = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not place:
                return self._checked(response)
            response.close()
            url = urljoin(url, place)
            if response.status_code == 303:
                method, form = "GET", None
        raise BadSource(f"{self.host} redirects in a circle")

    def _paced(self, method: str, url: str, form: str | None) -> requests.Response:
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = time.monotonic() + 1.0 / self.settings.source_requests_per_second
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        response = self.session.request(
            method,
            url,
            data=form,
            headers=headers,
            stream=True,
            allow_redirects=False,
            timeout=(min(CONNECT_SECONDS, self.settings.source_timeout_s), self.settings.source_timeout_s),
        )
        self._answered = True
        return response

    def _check_host(self, url: str) -> None:
        host = urlsplit(check_url(url)).hostname
        if host != self.host and not self.settings.source_other_hosts:
            raise RefusedSource(
                f"{self.host} sends us on to {host}; name that address in the layer file, "
                "or set MAILLAGE_SOURCE_OTHER_HOSTS=true"
            )

    def _checked(self, response: requests.Response) -> requests.Response:
        code = response.status_code
        if code < 400:
            return response
        with response:
            body = response.raw.read(20_000, decode_content=True)
        if code in RETRIED:
            raise _Wait(f"{self.host} answers {code} {response.reason}", _retry_after(response))
        raise HttpError(f"{self.host} answers {code} {response.reason} to {urlsplit(response.url).path}", code, body)


class _Wait(Exception):
    """A status that asks for patience, with the seconds the server wishes."""

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


def _retry_after(response: requests.Response) -> float:
    """Seconds of a Retry-After header in either of its forms (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _told(error: Exception) -> str:
    """One line about a failed request; the library's own texts show its inner objects."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "the answer broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return masked(str(error))
