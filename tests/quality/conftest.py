"""The mark that tests/conftest.py gives the tests of this folder."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "quality: labelled texts, and checks of answers measured with them")
