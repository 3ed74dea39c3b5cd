"""Long and concurrent runs drive the real binary with the fixtures of the black-box tests."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))
