"""Interop tests use the same ferula fixtures as the black-box tests, and peers built once a run."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "blackbox"))

import gopeer  # noqa: E402
from conftest_server import *  # noqa: E402,F401,F403


@pytest.fixture(scope="session")
def keda():
    """KEDA v2.20.2's prometheus scaler: ask({"metadata": ...}) polls once."""
    peer = gopeer.JsonLines([gopeer.build("keda", "scaler")])
    yield peer
    peer.close()
