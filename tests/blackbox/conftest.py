"""Black-box tests drive the real binary; see conftest_server.py for the fixtures."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from conftest_server import *  # noqa: E402,F401,F403
