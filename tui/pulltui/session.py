"""One run of the engine: a start, its log and the service, put together."""

from __future__ import annotations

import gc
import logging
import logging.handlers
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from pulltui import __version__
from pulltui.engine.errors import PullError
from pulltui.engine.ollamakey import KEY_FILE, SERVICE_KEY
from pulltui.engine.service import Service
from pulltui.engine.views import PullState
from pulltui.headless import Reporter, Run
from pulltui.outcome import Outcome, engine_ended
from pulltui.output import silence_broken_output, standard_error, standard_output
from pulltui.reload import Reload
from pulltui.start import Start

if TYPE_CHECKING:
    from pulltui.ui.app import Ended

LOG_BYTES: Final = 1_000_000
LOG_FILES: Final = 3


class Session:
    """An engine over a Start. While entered it holds the models directory; in the end it has stopped."""

    def __init__(self, start: Start, *, headless: bool = False) -> None:
        """`headless`: for `pull`, not `show`.

        Only what is named is pulled then, whatever else is in the queue waits for the app.
        """
        self.start = start
        self._headless = headless
        self._stopped = False
        self._log = open_log(start.locations.log_file)
        self.service = Service(
            start.settings,
            start.models,
            credentials_file=start.locations.credentials_file,
            keys=(Path.home() / KEY_FILE, SERVICE_KEY),
            state_dir=start.locations.models_state(start.models),
            resume=start.settings.ui.resume_on_start and not headless,
            patient=not headless,
        )
        self._reload = Reload(start.watched(), self.service.change_settings)

    def __enter__(self) -> Self:
        """Start the engine, or have it ready to be started by the app. Raises LockedError, StorageError.

        And without the app, what else keeps the engine from coming up.
        """
        self._log.info(
            "pulltui %s, Python %s, %s, models in %s",
            __version__,
            platform.python_version(),
            sys.platform,
            self.start.models,
        )
        if self._headless:
            self.service.start()
            _collect_again()
        else:  # which comes up behind the app's first frame
            self.service.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the engine, whatever happened."""
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
            self._log.error("ended by an error", exc_info=error)
        if not self._stopped:
            self.service.stop()

    def pull(self, names: Sequence[str], *, json: bool, insecure: bool) -> Outcome:
        """Pull `names` headless, tell about it on stdout, stop the engine, and return how it ended."""
        output = standard_output()
        reporter: Reporter
        if json:
            from pulltui.jsonlines import JsonLines

            reporter = JsonLines(output, time.monotonic)
        else:
            from pulltui.lines import Lines

            reporter = Lines(output, standard_error(), time.monotonic, lambda: self._reload.settings.ui.bell)
        give_up_after = self.start.settings.retry.give_up_after
        run = Run(self.service, reporter, give_up_after=give_up_after, reload=self._reload)
        outcome = run.run(names, insecure=insecure)
        self._stopped = True
        self._log.info("ended with exit code %d", outcome.exit_code)
        if output.closed:
            silence_broken_output()
        return outcome

    def show(self, names: Sequence[str], notices: Sequence[str] = ()) -> Ended:
        """Open the app, add `names`, show `notices`; return how it ended, with the engine stopped.

        Raises PullError if the engine did not come up, or has broken.
        """
        from pulltui.ui.app import run_app
        from pulltui.ui.settings_file import SettingsFile

        ended = run_app(
            self.service,
            ui=self.start.settings.ui,
            names=names,
            notices=notices,
            reload=self._reload,
            file=SettingsFile(self.start),
            on_shown=self._shown,
        )
        self._stopped = True
        self._log.info("the app ended with exit code %d, %ssaved", ended.code, "" if ended.saved else "not ")
        if isinstance(failure := self.service.failure, PullError):
            raise failure
        if failure is not None:
            raise engine_ended(failure) from failure
        return ended

    @property
    def unfinished(self) -> int:
        """How many pulls of the queue are neither done nor failed."""
        ended = {PullState.DONE, PullState.FAILED}
        return sum(pull.state not in ended for pull in self.service.view.pulls)

    def _shown(self) -> None:
        """The first frame is there: the engine may come up."""
        _collect_again()
        self.service.begin()

    def failure_code(self) -> int:
        """Return 1 if a pull in the newest view has failed, else 0."""
        return int(any(pull.state is PullState.FAILED for pull in self.service.view.pulls))


def _collect_again() -> None:
    """Look for garbage again, which nobody did while we were loaded."""
    gc.freeze()  # what is loaded stays, and need not be looked through
    gc.enable()


def open_log(file: Path) -> logging.Logger:
    """Return our logger: it writes to `file` (rotated), or nowhere if that cannot be written."""
    log = logging.getLogger("pulltui")
    log.propagate = False
    log.setLevel(logging.INFO)
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    # A log that cannot be written, on a full disk say, must not print about that over the screen.
    logging.raiseExceptions = False
    handler: logging.Handler
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    return log
