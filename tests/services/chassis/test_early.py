import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.processes import CHECKOUT, STOP_SECONDS, clean_environment

# It wakes often, as an import does: a signal that comes just before one long sleep would wait for its end.
SLOW_LIBRARY = "import time; print('importing', flush=True)\nfor _ in range(6000): time.sleep(0.01)"


@pytest.mark.process
@pytest.mark.parametrize("service", ["catalog", "webapp"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_end_while_it_imports_ends_with_0_and_without_a_word(
    service: str, number: signal.Signals, tmp_path: Path
) -> None:
    """The first library that a service needs takes for ever here; a container's first process has no other handler."""
    (tmp_path / "pydantic.py").write_text(SLOW_LIBRARY)
    command = [sys.executable, "-m", f"services.{service}"]
    env = clean_environment(PYTHONPATH=str(tmp_path))
    with subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == b"importing\n"
            process.send_signal(number)
            assert process.wait(STOP_SECONDS) == 0
            assert process.stdout.read() == b""
        finally:
            process.kill()
