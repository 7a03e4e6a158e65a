# SPDX-License-Identifier: GPL-2.0-or-later
"""The templates for Slurm, tried with a program in the place of sbatch that runs each job at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtmsd_qgis.campaign.steps import STEPS, next_step
from tests.campaigns import TWO, campaign_of

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "docs" / "cluster"
WORKER = ROOT / "mtmsd_qgis" / "worker.py"

# Reads the options of sbatch that the templates use, runs the script for each index, and prints a job number.
SBATCH = """#!/bin/bash
array=0-0
while [ "${1#--}" != "$1" ]; do
    case $1 in
    --array=*) array=${1#*=}; export SLURM_ARRAY_TASK_COUNT=$((${array#*-} - ${array%-*} + 1)) ;;
    --export=*) IFS=, read -ra given <<<"${1#*=}"; for each in "${given[@]:1}"; do export "$each"; done ;;
    esac
    shift
done
echo "$STEP $array" >>"$JOBS"
for ((i = ${array%-*}; i <= ${array#*-}; i++)); do
    SLURM_ARRAY_TASK_MIN=${array%-*} SLURM_ARRAY_TASK_ID=$i SLURM_CPUS_PER_TASK=1 bash "$1" >&2 || exit
done
wc -l <"$JOBS"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is needed")
def test_all_steps_are_submitted_in_their_order(tmp_path):
    campaign = campaign_of(tmp_path / "campaign", TWO)
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(SBATCH, encoding="utf-8")
    sbatch.chmod(0o755)
    jobs = tmp_path / "jobs"
    environment = {**os.environ, "SBATCH": str(sbatch), "PYTHON": sys.executable, "JOBS": str(jobs)}
    command = ["bash", str(SCRIPTS / "submit.bash"), str(tmp_path / "campaign"), str(WORKER), "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert next_step(tmp_path / "campaign", campaign) is None
    submitted = [line.split() for line in jobs.read_text().splitlines()]
    assert [step for step, _ in submitted] == list(STEPS)
    assert dict(submitted)["map"] == "0-1"
    assert done.stdout.splitlines()[-1] == f"judge: job {len(STEPS)}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is needed")
def test_a_signal_before_the_end_saves_the_state(tmp_path):
    """Slurm signals the script alone; the worker has to hear of it, and its status has to come back."""
    heard = tmp_path / "heard"
    fake = tmp_path / "python"
    up = tmp_path / "up"
    body = f'trap "touch {heard}; exit 3" TERM\ntouch {up}\nwhile :; do sleep 0.05; done\n'
    fake.write_text("#!/bin/bash\n" + body, encoding="utf-8")
    fake.chmod(0o755)
    environment = {
        **os.environ,
        "PYTHON": str(fake),
        "CAMPAIGN": str(tmp_path),
        "STEP": "pretrain",
        "WORKER": str(WORKER),
        "PATH": "/usr/bin:/bin",
    }
    with subprocess.Popen(["bash", str(SCRIPTS / "whole.sbatch")], env=environment) as script:
        while not up.exists():
            assert script.poll() is None
        script.terminate()
        assert script.wait(30) == 3
    assert heard.exists()
