"""What the keys do to pulls: commands to the engine, and words for what they cannot do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulltui_config.settings import Ui

from pulltui.engine.api import EngineApi
from pulltui.engine.clean import safe_name
from pulltui.engine.views import PullState, PullView
from pulltui.ui.offers import CAN_PAUSE, CAN_RESUME, CAN_RETRY
from pulltui.ui.ordering import Order, SortBy
from pulltui.ui.screens.confirm import RemoveDialog
from pulltui.ui.stage import Stage
from pulltui.ui.words import counted

_UNDO = "undo"
"""What toasts about removals are about: the newest one says whether there is something to bring back."""


class Commands:
    """Actions on pulls, and on the queue that they stand in."""

    def __init__(self, service: EngineApi, stage: Stage, ui: Callable[[], Ui]) -> None:
        """`ui` has the settings in force."""
        self._service, self._stage, self._ui = service, stage, ui
        self.pausing: set[str] = set()
        """Pulls that were told to pause and have not yet."""
        self._stopped_by_all: frozenset[str] = frozenset()
        self._removing = 0
        """Removals that have not ended."""
        self._undo_asked = False

    def add(self, names: Sequence[str]) -> None:
        """Queue names."""
        for name in names:
            self._stage.send(f"adding {safe_name(name, 80)}", lambda name=name: self._service.add(name))  # type: ignore[misc]

    def pause(self) -> None:
        """Pause what is going among the chosen pulls; if nothing is, go on with them."""
        chosen = self._stage.chosen()
        if going := _ids(chosen, CAN_PAUSE):
            self._pause(going)
        elif stopped := _ids(chosen, CAN_RESUME):
            self._resume(stopped)
        elif chosen:
            self._stage.say(f"{what_are(chosen)}: nothing to pause")

    def pause_all(self) -> None:
        """Pause all pulls; if that was done already, go on with those that it has paused."""
        paused = [
            pull.id
            for pull in self._stage.view.pulls
            if pull.id in self._stopped_by_all and (pull.state is PullState.PAUSED or pull.id in self.pausing)
        ]
        if paused:
            self._stopped_by_all = frozenset()
            self._resume(paused)
            return
        going = _ids(self._stage.view.pulls, CAN_PAUSE)
        if not going:
            self._stage.say("nothing to pause")
            return
        self._stopped_by_all = frozenset(going)
        self._pause(going)

    def _resume(self, pulls: list[str]) -> None:
        self.pausing.difference_update(pulls)  # what they were told before counts no more
        self._stage.show_pulls()
        self._stage.send("resume", lambda: self._service.resume(pulls))

    def _pause(self, pulls: list[str]) -> None:
        def paused() -> None:
            self.pausing.difference_update(pulls)
            self._stage.show_pulls()

        self.pausing.update(pulls)
        self._stage.show_pulls()
        self._stage.send("pause", lambda: self._service.pause(pulls), finally_=paused)

    def retry(self) -> None:
        """Try the chosen pulls again now."""
        chosen = self._stage.chosen()
        if pulls := _ids(chosen, CAN_RETRY):
            self._stage.send("retry", lambda: self._service.retry(pulls))
        elif any(pull.state is PullState.PAUSED for pull in chosen):
            self._stage.say(f"{what_are(chosen)}: {self._stage.key('pause')} goes on")
        elif chosen:
            self._stage.say(f"{what_are(chosen)}: nothing to retry")

    def retry_failed(self) -> None:
        """Try all failed pulls again."""
        failed = _ids(self._stage.view.pulls, (PullState.FAILED,))
        if not failed:
            self._stage.say("nothing has failed")
            return
        self._stage.send("retry", lambda: self._service.retry(failed))
        self._stage.say(f"trying {counted(len(failed), 'failed pull')} again")

    def remove(self) -> None:
        """Take the chosen pulls off the list; what was fetched of them is kept."""
        chosen = self._stage.chosen()
        if chosen:
            kept = (
                "" if all(pull.state is PullState.DONE for pull in chosen) else "; what was fetched is kept"
            )
            self._remove(chosen, f"removed {_names(chosen)}{kept}", delete=False)

    def delete(self) -> None:
        """Take the chosen pulls off the list and delete what is not finished, after asking."""
        chosen = self._stage.chosen()
        if not chosen:
            return
        ids = [pull.id for pull in chosen]

        def answered(yes: bool | None) -> None:
            if yes:  # by now they may be done
                there = [pull for pull in self._stage.view.pulls if pull.id in ids]
                begun = any(pull.state is not PullState.DONE and pull.done > pull.cached for pull in there)
                said = f"removed {_names(chosen)}{'; what was fetched is deleted' if begun else ''}"
                self._remove(chosen, said, delete=True, again=begun)

        if self._ui().confirm_delete:
            dialog = RemoveDialog(self._stage.glyphs, lambda: self._stage.view, ids, delete=True)
            self._stage.ask(dialog, answered)
        else:
            answered(True)

    def clear_done(self) -> None:
        """Take what is done off the list; the models stay where they are."""
        done = [pull for pull in self._stage.view.pulls if pull.state is PullState.DONE]
        if not done:
            self._stage.say("nothing is done yet")
            return
        self._remove(
            done, f"cleared {counted(len(done), 'pull')}; the models stay where they are", delete=False
        )

    def _remove(self, pulls: Sequence[PullView], said: str, *, delete: bool, again: bool = False) -> None:
        """`said` is told when it is done; `again`: what was deleted has to be fetched again after an undo."""
        ids = [pull.id for pull in pulls]
        back = self._stage.key("undo")
        does = "lists it again" if again else "brings it back"
        told = f"{said}. {back} {does}" if back else said
        self._removing += 1
        self._stage.send(
            "remove",
            lambda: self._service.remove(ids, delete=delete),
            lambda _: self._stage.say(told, topic=_UNDO),
            finally_=self._removed,
        )

    def _removed(self) -> None:
        self._removing -= 1
        if self._undo_asked and not self._removing:
            self._undo_asked = False
            self._undo()

    def undo(self) -> None:
        """Take back the newest removal or move; what is still being removed, as soon as that has ended."""
        if self._removing:
            self._undo_asked = True
            self._stage.say("still removing: it is undone right after that", topic=_UNDO)
        else:
            self._undo()

    def _undo(self) -> None:
        def undone(words: str) -> None:
            self._stage.say(f"undone: {words}" if words else "nothing to undo", topic=_UNDO)

        self._stage.send("undo", self._service.undo, undone)

    def move(self, by: int) -> None:
        """Move the chosen pulls in the queue, if the list shows it as it is."""
        if why := self._stage.lens.why_not_movable:
            self._stage.say(f"the queue is {why}{self._way_to_queue()}")
            return
        if chosen := [pull.id for pull in self._stage.chosen()]:
            self._stage.send("move", lambda: self._service.move(chosen, by))

    def _way_to_queue(self) -> str:
        """Return the key that shows the queue as it is again, and that it does."""
        lens = self._stage.lens
        if lens.order != Order():
            action = "sort_reverse" if lens.order.by is SortBy.QUEUE else "sort"
            does = "leads back to its order"
        else:
            action, does = ("back", "shows all") if lens.filter.text else ("tab_all", "shows all")
        key = self._stage.key(action)
        return f"; {key} {does}" if key else ""

    def start_next(self) -> None:
        """Put the chosen pulls before all that wait for their turn."""
        chosen = self._stage.chosen()
        if waiting := _ids(chosen, (PullState.QUEUED,)):
            self._stage.send("start next", lambda: self._service.start_next(waiting))
            self._stage.say(
                f"{_names(chosen)}: next" if len(waiting) == len(chosen) else "those that wait: next"
            )
        elif chosen:
            self._stage.say(f"{what_are(chosen)}: not waiting for a turn")

    def limit(self, pulls: Sequence[PullView], rate: float | None) -> None:
        """Cap each of these pulls."""
        ids = [pull.id for pull in pulls]
        self._stage.send("cap", lambda: self._service.set_limit(rate, ids))


def _ids(pulls: Sequence[PullView], states: Sequence[PullState]) -> list[str]:
    """Return the ids of those in one of these states."""
    return [pull.id for pull in pulls if pull.state in states]


def _names(pulls: Sequence[PullView]) -> str:
    """Return the name of one pull, the number of several."""
    return pulls[0].name if len(pulls) == 1 else counted(len(pulls), "pull")


def what_are(pulls: Sequence[PullView]) -> str:
    """Return what the pulls are: "m is done", "none of 3 pulls"."""
    return f"{pulls[0].name} is {pulls[0].state.value}" if len(pulls) == 1 else f"none of {len(pulls)} pulls"
