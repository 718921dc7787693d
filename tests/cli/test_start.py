"""What a start loads: no more than its configuration needs."""

from __future__ import annotations

import subprocess
import sys


def test_a_run_without_receiver_and_page_loads_no_web_stack() -> None:
    """Nor what draws on terminals: these are a fifth of the time of a start."""
    script = (
        "import sys, shipper.cli.run, shipper.cli.progress_lines, shipper.service.run, "
        "shipper.service.reload, shipper.status.page\n"
        "print({'uvicorn', 'starlette', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
