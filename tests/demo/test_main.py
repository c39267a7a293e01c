import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from pulltui.demo.models import MANIFEST_TYPE
from support.registry import closed_port

Process = subprocess.Popen[str]


@pytest.fixture
def process() -> Iterator[Process]:
    command = [
        sys.executable,
        "-m",
        "pulltui.demo",
        "--models",
        "a=1MB+20KB",
        "big=~50GB",
        "--faults",
        "noredirect",
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def line(process: Process, *command: str) -> dict[str, object]:
    """The next line it writes, after it was told `command`."""
    assert process.stdin is not None
    assert process.stdout is not None
    for words in command:
        process.stdin.write(words + "\n")
        process.stdin.flush()
    answer: dict[str, object] = json.loads(process.stdout.readline())
    return answer


def test_it_serves_until_its_input_is_closed(process: Process) -> None:
    begun = line(process)
    host = str(begun["url"]).removeprefix("http://")
    assert begun["names"] == [f"{host}/library/a:latest", f"{host}/library/big:latest"]
    asked = [f"{begun['url']}/v2/library/{name}/manifests/latest" for name in ("a", "big")]
    with httpx.Client(headers={"Accept": MANIFEST_TYPE}, trust_env=False) as client:
        manifests = [client.get(url).json() for url in asked]
    assert begun["digests"] == [manifest["layers"][0]["digest"] for manifest in manifests]
    assert line(process, "counters")["requests"] == {"manifest": 2}
    assert line(process, "faults stall@4MB,rate@5MB/s") == {"faults": "stall@4MB,rate@5MB/s"}
    assert "did you mean stall?" in str(line(process, "faults stal")["error"])
    assert "not a command" in str(line(process, "fly")["error"])
    assert process.stdin is not None
    process.stdin.close()
    assert line(process)["connections"] == 1
    assert process.wait(10) == 0


def test_it_counts_up_when_terminated(process: Process) -> None:
    line(process)
    process.send_signal(signal.SIGTERM)
    assert line(process)["connections"] == 0
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "x"], "NAME=SIZE"),
        (["--models", "x=big"], "not a size"),
        (["--faults", "stal"], "did you mean stall?"),
    ],
)
def test_mistakes_are_named(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "pulltui.demo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_closed_port_refuses() -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{closed_port()}", trust_env=False)
