"""How a load is watched: a bar on a terminal, plain lines elsewhere, nothing in a program."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Task as Shown
from rich.text import Text


class Silent:
    """Progress nobody watches; the interface of the others."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new step of the work begins; ``total`` rows are expected, if known."""

    def advance(self, rows: int) -> None:
        """So many more rows are done."""

    def tell(self, sentence: str) -> None:
        """Something people should know, kept on the screen."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Rate(ProgressColumn):
    def render(self, task: Shown) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


class Bar(Silent):
    """A line that moves, for terminals."""

    def __init__(self, title: str, console: Console) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
        )
        self._title = title
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task(title, total=None)

    def stage(self, name: str, total: int | None = None) -> None:
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(f"{self._title}: {name}", total=total)

    def advance(self, rows: int) -> None:
        self._progress.advance(self._task, rows)

    def tell(self, sentence: str) -> None:
        self._progress.console.print(sentence, highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Lines(Silent):
    """A line per stage and, in long ones, every few seconds: for logs and cron."""

    interval = 10.0
    """Seconds between lines of one stage."""

    def __init__(self, title: str, console: Console) -> None:
        self._title, self._console = title, console
        self._name, self._rows, self._told = "", 0, time.monotonic()

    def stage(self, name: str, total: int | None = None) -> None:
        self._name, self._rows, self._told = name, 0, time.monotonic()
        of = f" {total:,} rows" if total else ""
        self.tell(f"{self._title}: {name}{of}")

    def advance(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() - self._told >= self.interval:
            self._told = time.monotonic()
            self.tell(f"{self._title}: {self._name}, {self._rows:,} rows so far")

    def tell(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False, soft_wrap=True)


class _Teller(logging.Handler):
    def __init__(self, progress: Silent) -> None:
        super().__init__(logging.INFO)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.tell(f"    {record.getMessage()}")


@contextmanager
def waits_told(progress: Silent) -> Iterator[None]:
    """Say what a service is waited for, while it is."""
    teller = _Teller(progress)
    log = logging.getLogger("ingest.http")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(teller)
    try:
        yield
    finally:
        log.removeHandler(teller)
        log.setLevel(level)


def watch(title: str, console: Console | None = None) -> Silent:
    """A bar where someone looks, lines where a log is written; both on standard error."""
    console = console or Console(file=sys.stderr)
    return Bar(title, console) if console.is_terminal else Lines(title, console)
