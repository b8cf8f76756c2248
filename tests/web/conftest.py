"""The running API for these tests."""

from tests.api_server import api, key_file

__all__ = ["api", "key_file"]
