"""One models directory, one process: a second one is refused, and a killed one is succeeded."""

from __future__ import annotations

import signal
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pulltui.demo.intervals import intersection, total, union
from support import command
from support.counting import Witness
from support.disk import examine
from support.gguf import RealRegistry
from support.kills import MOST_AGAIN
from support.progress import until_progress
from support.ways import WASTE, events

pytestmark = pytest.mark.real

MB = 1_000_000


def pull(name: str, models: Path) -> list[str]:
    return ["pull", name, "--models-dir", str(models), "--json"]


def env(home: Path, run: int) -> dict[str, str]:
    # Eight connections, so that there is time to see something.
    return command.command_env(
        home, PULLTUI_NETWORK_USER_AGENT=f"run-{run}", PULLTUI_TRANSFER_CONNECTIONS="8"
    )


def test_a_second_process_is_told_who_holds_the_directory(
    registry: RealRegistry, slow: Witness, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    arguments = pull(registry.name_at(slow.host), models)
    before = datetime.now(UTC).replace(microsecond=0)
    with command.start(arguments, tmp_path, env=env(tmp_path, 0)) as first:
        until_progress(first, 40 * MB)
        first.send_signal(signal.SIGSTOP)  # or it is done before the others have begun
        try:
            for name in (registry.name_at(slow.host), "127.0.0.1:1/library/another"):
                second = command.run(pull(name, models), tmp_path, env=env(tmp_path, 1))
                assert second.returncode == 4
                text = second.stdout + second.stderr
                told = f"is in use by process {first.pid} on {socket.gethostname()}, since "
                since = datetime.fromisoformat(text.partition(told)[2].split()[0].strip('",'))
                assert before <= since <= datetime.now(UTC)
                assert "Or quit it first, or pull elsewhere with --models-dir" in text
        finally:
            first.send_signal(signal.SIGCONT)
        out, err = first.communicate()
    assert (first.returncode, err) == (0, "")
    assert [request for request in slow.testimony(registry.sizes) if request.run == 1] == []
    registry.check(models, slow.host)
    assert out


@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_a_killed_holder_is_succeeded(
    registry: RealRegistry, slow: Witness, tmp_path: Path, transport: str
) -> None:
    """The kernel lets go of its lock; what it had on disk is not asked for again."""
    models = tmp_path / "models"
    arguments = pull(registry.name_at(slow.host), models)
    chosen = {"PULLTUI_TRANSFER_TRANSPORT": transport}
    with command.start(arguments, tmp_path, env=env(tmp_path, 0) | chosen) as first:
        until_progress(first, 80 * MB)
        first.kill()
        first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert str(first.pid) in (models / ".pulltui/lock").read_text(), "nobody took its name away"
    disk = examine(models, registry.truth)
    assert disk.false_claims == []
    assert disk.claimed_bytes > 80 * MB
    second = command.run(arguments, tmp_path, env=env(tmp_path, 1) | chosen)
    assert (second.returncode, second.stderr) == (0, "")
    requests = slow.testimony(registry.sizes)
    for digest, size in registry.sizes.items():
        of_blob = [request for request in requests if request.digest == digest]
        asked = [request.asked for request in of_blob if request.run == 1]
        assert intersection(asked, disk.claimed[digest]) == [], "it was on disk and said so"
        assert union([*asked, *disk.claimed[digest]]) == [(0, size)]
        assert total(intersection(asked, disk.right[digest])) <= MOST_AGAIN
    told = events(second)
    first_progress = next(event for event in told if event["event"] == "progress" and event["total"])
    assert first_progress["done"] >= disk.claimed_bytes
    assert told[-1]["fetched_again"] <= sum(registry.sizes.values()) * (WASTE - 1)
    registry.check(models, slow.host)
