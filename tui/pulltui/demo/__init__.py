"""The embedded registry: generated models, two hosts on loopback, faults to order, and a count of every byte.

It serves `pulltui demo` and is the fault server of the tests. It knows nothing of the engine.
"""

from pulltui.demo.blobs import Blob, BytesBlob, GeneratedBlob
from pulltui.demo.counters import Counters, Record
from pulltui.demo.faults import Fault, FaultError, Faults, parse
from pulltui.demo.models import Layer, Model, build_model, default_models
from pulltui.demo.server import Registry

__all__ = [
    "Blob",
    "BytesBlob",
    "Counters",
    "Fault",
    "FaultError",
    "Faults",
    "GeneratedBlob",
    "Layer",
    "Model",
    "Record",
    "Registry",
    "build_model",
    "default_models",
    "parse",
]
