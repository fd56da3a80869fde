"""Runs openapi_cases.py by itself: what schemathesis imports and prepares would cost each worker of pytest a second."""

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("openapi_cases.py")


@pytest.mark.process
def test_each_service_answers_as_its_openapi_document_says() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "schemathesis.pytest.plugin", "--quiet", CASES]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
