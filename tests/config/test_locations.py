import os
from pathlib import Path

import platformdirs.macos
import platformdirs.unix
import pytest
from pulltui_config import Settings, load, locate, models_dir, service_notice

HOME = Path("/home/someone")


def test_linux_follows_xdg() -> None:
    places = locate({}, HOME, "linux")
    assert places.config_file == HOME / ".config/pulltui/config.toml"
    assert places.schema_file == HOME / ".config/pulltui/config.schema.json"
    assert places.state_dir == HOME / ".local/state/pulltui"
    assert places.log_file == HOME / ".local/state/pulltui/log/pulltui.log"
    places = locate({"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "not/absolute"}, HOME, "linux")
    assert (places.config_dir, places.state_dir) == (Path("/c/pulltui"), HOME / ".local/state/pulltui")


@pytest.mark.parametrize("xdg", [{}, {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}])
@pytest.mark.parametrize(
    ("platform", "library"), [("linux", platformdirs.unix.Unix), ("darwin", platformdirs.macos.MacOS)]
)
def test_directories_are_those_of_platformdirs(
    platform: str,
    library: type[platformdirs.PlatformDirs],
    xdg: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in xdg.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    theirs, ours = library("pulltui"), locate(os.environ, tmp_path, platform)
    assert str(ours.config_dir) == theirs.user_config_dir
    assert str(ours.state_dir) == theirs.user_state_dir
    assert str(ours.log_dir) == theirs.user_log_dir


def test_each_models_directory_has_its_own_state() -> None:
    places = locate({}, HOME, "linux")
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
