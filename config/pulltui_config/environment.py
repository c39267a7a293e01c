"""Settings from environment variables: our own, PULLTUI_<TABLE>_<KEY>, and the ones Ollama's users know."""

from collections.abc import Mapping
from typing import Any, Final

from pulltui_config.kinds import every_setting
from pulltui_config.problems import Problem, nearest, shown

PREFIX: Final = "PULLTUI_"
OLLAMA_PART_SIZE: Final = "OLLAMA_DOWNLOAD_PART_SIZE"
OLLAMA_CONCURRENCY: Final = "OLLAMA_DOWNLOAD_CONCURRENCY"
CREDENTIALS: Final = "PULLTUI_CREDENTIALS"
"""Ours too, but no setting: users and passwords, which the engine alone reads."""
FACTS: Final = tuple(
    PREFIX + fact for fact in ("EVENT", "NAME", "SIZE", "SECONDS", "MODELS_DIR", "WHY", "HINT")
)
"""Ours too, but no settings: what a hook finds in its environment, which may start pulltui again."""


def variables() -> dict[str, tuple[str, ...]]:
    """Our variables and the keys they set: PULLTUI_TRANSFER_PART_SIZE is ("transfer", "part_size")."""
    return {PREFIX + "_".join(place).upper(): place for place in every_setting()}


def own(env: Mapping[str, str]) -> tuple[dict[tuple[str, ...], tuple[str, str]], list[Problem]]:
    """What our variables set: key -> (variable, text). A variable that sets nothing is a warning."""
    known = variables()
    values: dict[tuple[str, ...], tuple[str, str]] = {}
    problems = []
    for name in sorted(name for name in env if name.startswith(PREFIX) and name not in (CREDENTIALS, *FACTS)):
        if name in known:
            values[known[name]] = (name, env[name])
            continue
        close = nearest(name, known)
        hint = f"did you mean {close}?" if close else "variables are PULLTUI_<TABLE>_<KEY>"
        problems.append(
            Problem(
                where="environment",
                source=shown(name).strip('"'),
                key="",
                message="unknown variable, ignored",
                hint=hint,
                severity="warning",
            )
        )
    return values, problems


def ollamas(env: Mapping[str, str]) -> dict[tuple[str, ...], tuple[str, Any]]:
    """What Ollama's variables set: key -> (variable, value as in TOML). Part sizes there are megabytes."""
    values: dict[tuple[str, ...], tuple[str, Any]] = {}
    if size := ollama_text(env, OLLAMA_PART_SIZE):
        values["transfer", "part_size"] = (OLLAMA_PART_SIZE, f"{size} MB" if size.isdecimal() else size)
    if count := ollama_text(env, OLLAMA_CONCURRENCY):
        whole = count.isascii() and count.isdecimal() and len(count) < 10
        values["transfer", "connections"] = (OLLAMA_CONCURRENCY, int(count) if whole else count)
    return values


def ollama_text(env: Mapping[str, str], name: str) -> str:
    """The variable as Ollama reads it: without spaces and quotes around it; "" if not set."""
    return env.get(name, "").strip().strip("\"'").strip()


def split_text(text: str) -> list[Any]:
    """What text outside a file may mean, the likelier first: the TOML value it is, and itself."""
    # Loaded only when a variable or a flag is set.
    import tomllib

    try:
        parsed = tomllib.loads(f"value = {text}")
    # ValueError: a number too long to be read; RecursionError: brackets nested without end.
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return [text]
    if len(parsed) > 1:
        # A line break in the text began another key.
        return [text]
    return [parsed["value"]] if isinstance(parsed["value"], str) else [parsed["value"], text]
