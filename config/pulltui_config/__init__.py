"""Settings of pulltui: typed, validated, TOML. Imports nothing of the program they belong to."""

from pulltui_config.locations import Locations, locate, models_dir, service_notice
from pulltui_config.problems import Problem
from pulltui_config.reading import Loaded, Origin, load
from pulltui_config.settings import Settings
from pulltui_config.units import (
    UnitError,
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)

__all__ = [
    "Loaded",
    "Locations",
    "Origin",
    "Problem",
    "Settings",
    "UnitError",
    "format_duration",
    "format_rate",
    "format_size",
    "load",
    "locate",
    "models_dir",
    "parse_duration",
    "parse_rate",
    "parse_size",
    "service_notice",
]
