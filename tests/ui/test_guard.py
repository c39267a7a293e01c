from __future__ import annotations

import msgspec
from rich.segment import ControlType, Segment
from support.scenes import busy_pull, view
from textual.color import Color

from pulltui.engine.views import Event, EventKind
from pulltui.ui.guard import ControlGuard

from .conftest import MakeApp
