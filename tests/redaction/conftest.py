"""The mark that tests/conftest.py gives the tests of this folder."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "redaction: labelled lines, and the detector of secrets measured with them")
