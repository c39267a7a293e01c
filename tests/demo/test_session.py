import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
from pulltui.demo.faults import Picker, parse
from pulltui.demo.models import MANIFEST_TYPE, default_models
from pulltui.demo.session import FAULTS, STALL_TIMEOUT, Session
from support.registry import MB


def test_a_session_brings_everything_and_leaves_nothing(tmp_path: Path) -> None:
    with Session(parent=tmp_path) as session:
        assert session.directory.parent == tmp_path
        assert tomllib.loads(session.config_file.read_text()) == session.settings
        assert session.settings["retry"]["stall_timeout"] == STALL_TIMEOUT
        assert session.settings["storage"]["models_dir"] == str(session.models_dir)
        assert len(session.names) == len(set(session.names)) == len(default_models())
        for name in session.names:
            host, namespace, rest = name.split("/")
            model, tag = rest.split(":")
            url = f"http://{host}/v2/{namespace}/{model}/manifests/{tag}"
            assert httpx.get(url, headers={"Accept": MANIFEST_TYPE}, trust_env=False).status_code == 200
        (session.models_dir / "something").write_bytes(b"pulled")
    assert list(tmp_path.iterdir()) == []


def test_faults_can_be_ordered(tmp_path: Path) -> None:
    with Session("stall=1/9@4MB", tmp_path) as session:
        assert str(session.registry.faults) == "stall=1/9@4MB"


def test_the_demo_models_share_a_blob_and_are_small_enough() -> None:
    models = default_models()
    blobs = {digest: blob.size for model in models for digest, blob in model.blobs.items()}
    assert len(models) >= 4
    assert 150 * MB < sum(blobs.values()) < 300 * MB
    big = [digest for model in models for digest in model.blobs if blobs[digest] > MB]
    assert len(big) > len(set(big))


def test_a_stall_and_a_retry_come_early_and_end() -> None:
    picker = Picker(parse(FAULTS), 0)
    hits = [fault.kind for _ in range(100) for fault in picker.pick("blob", 16 * MB, True, 0.0)]
    early = Picker(parse(FAULTS), 0)
    first = [fault.kind for _ in range(6) for fault in early.pick("blob", 16 * MB, True, 0.0)]
    assert {"stall", "reset"} <= set(first)
    assert len(hits) < 10


def test_the_demo_needs_neither_the_engine_nor_textual() -> None:
    code = (
        "import sys, pulltui.demo.session, pulltui.demo.__main__\n"
        "bad = {'textual', 'httpx', 'pulltui.engine', 'pulltui.ui'} & set(sys.modules)\n"
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
