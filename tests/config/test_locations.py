from pathlib import Path

import pytest
from pulltui_config import Settings, load, locate, models_dir, service_notice

HOME = Path("/home/someone")


def test_our_directories_follow_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(HOME))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    places = locate()
    assert places.config_file == HOME / ".config/pulltui/config.toml"
    assert places.credentials_file == HOME / ".config/pulltui/credentials.toml"
    assert places.schema_file == HOME / ".config/pulltui/config.schema.json"
    assert places.state_dir == HOME / ".local/state/pulltui"
    assert places.log_file == HOME / ".local/state/pulltui/log/pulltui.log"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert (locate().config_dir, locate().state_dir) == (Path("/c/pulltui"), Path("/s/pulltui"))


def test_each_models_directory_has_its_own_state() -> None:
    places = locate()
    first, second = places.models_state(Path("/a")), places.models_state(Path("/b"))
    assert first.parent == places.state_dir
    assert len(first.name) == 16
    assert int(first.name, 16) >= 0
    assert first != second


def test_the_models_directory_is_flag_variable_file_ollamas_default(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    layers = [home / name for name in ("flag", "variable", "file", "ollama")]
    flag, variable, file, ollama = map(str, layers)
    env = {"OLLAMA_MODELS": f" '{ollama}' ", "PULLTUI_STORAGE_MODELS_DIR": variable}
    text = f"[storage]\nmodels_dir = '{file}'\n".encode()
    assert str(models_dir(load(text, env, {"storage.models_dir": flag}).settings, env, home)) == flag
    assert str(models_dir(load(text, env).settings, env, home)) == variable
    del env["PULLTUI_STORAGE_MODELS_DIR"]
    assert str(models_dir(load(text, env).settings, env, home)) == file
    assert str(models_dir(load(None, env).settings, env, home)) == ollama
    assert str(models_dir(load(b"[storage]\nmodels_dir = ''", env).settings, env, home)) == ollama
    assert models_dir(Settings(), {}, home) == home / ".ollama/models"
    assert models_dir(load(b"[storage]\nmodels_dir = '~/m'").settings, {}, home) == home / "m"


def test_the_models_directory_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    env = {"OLLAMA_MODELS": f"{tmp_path}/link/../link"}
    assert models_dir(Settings(), env, tmp_path) == (tmp_path / "real").resolve()


def test_ollamas_service_is_pointed_out_with_both_remedies(tmp_path: Path) -> None:
    models = (tmp_path / "mine").resolve()
    assert service_notice(models, tmp_path) is None
    service = tmp_path / "usr/share/ollama/.ollama/models"
    service.mkdir(parents=True)
    notice = service_notice(models, tmp_path)
    assert notice is not None
    assert f"pull --models-dir {service}" in notice
    assert f'Environment="OLLAMA_MODELS={models}"' in notice
    assert service_notice(service.resolve(), tmp_path) is None


def test_a_service_directory_we_may_not_look_into_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no mode stops.
    monkeypatch.setattr(Path, "is_dir", denied)
    assert service_notice(tmp_path / "mine", tmp_path) is not None
