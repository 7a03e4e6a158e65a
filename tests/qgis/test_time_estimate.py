# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says on the way, with a clock that the test turns."""

from __future__ import annotations

import pytest
from qgis.core import QgsProcessingFeedback
from scenes import Log


def told(seconds, texts, started=0.0):
    """(second, line) of a run that reports once a second, evenly from 0 to 1."""
    from mtmsd.algorithms.bridge.time_estimate import TimeEstimate

    estimate = TimeEstimate(started)
    lines = ((now, estimate.line(started + now, now / seconds, texts(now))) for now in range(seconds + 1))
    return [(now, line) for now, line in lines if line]


@pytest.mark.parametrize("seconds", [100, 600, 7200])
def test_an_even_run_has_few_lines_with_the_time_that_is_left(seconds):
    lines = told(seconds, lambda now: f"training: iteration {now} of {seconds}", started=5e5)
    assert lines[0] == (0, f"Training: iteration 0 of {seconds}")
    assert 8 <= len(lines) <= 90
    assert min(b - a for (a, _), (b, _) in zip(lines, lines[1:])) >= 10
    assert max(b - a for (a, _), (b, _) in zip(lines, lines[1:])) <= 120
    halfway = next(line for now, line in lines if now >= seconds / 2)
    assert {100: "50 s elapsed, about 50 s left", 600: "5 min elapsed, about 5 min left"}.get(
        seconds, "60 min"
    ) in halfway


def test_a_stage_that_is_little_of_the_bar_tells_how_far_it_is():
    from mtmsd.algorithms.bridge.time_estimate import TimeEstimate

    estimate = TimeEstimate(0)
    models = [
        estimate.line(now, 0.9 + now / 1e4, f"cross-validating models: {1 + now // 10} of 9") for now in range(90)
    ]
    assert [line.partition(" (")[0] for line in models if line] == [
        "Cross-validating models: 1 of 9", "Cross-validating models: 4 of 9", "Cross-validating models: 7 of 9",
    ]  # fmt: skip


def test_one_line_a_stage():
    lines = told(
        9, lambda now: "principal components" if now < 4 else "statistics pass: tile 1 of 2" if now < 8 else ""
    )
    assert lines == [(0, "Principal components"), (4, "Statistics pass: tile 1 of 2")]


def test_a_guess_follows_the_pace_of_the_last_minute():
    from mtmsd.algorithms.bridge.time_estimate import TimeEstimate

    estimate = TimeEstimate(0)
    for now in range(0, 200):
        estimate.line(now, 0.1, "")  # a long start that moves nothing
    for now in range(200, 300):
        estimate.line(now, 0.1 + (now - 200) / 200, "")
    assert "about 80 s left" in estimate.line(300, 0.6, "map: window 7 of 9")


def test_what_an_earlier_run_has_done_says_nothing_of_the_pace():
    from mtmsd.algorithms.bridge.time_estimate import TimeEstimate

    estimate = TimeEstimate(0)
    for now in range(0, 20):
        estimate.line(now, now / 500, "principal components")
    lines = [estimate.line(now, 0.5 + (now - 20) / 1000, f"training: iteration {now}") for now in range(20, 71)]
    assert lines[0] == "Training: iteration 20 (20 s elapsed)"
    assert "about 8 min left" in next(filter(None, lines[1:]))  # 0.47 of the bar, a thousandth a second


def test_a_run_that_stands_still_says_so_without_a_guess():
    from mtmsd.algorithms.bridge.time_estimate import TimeEstimate

    estimate = TimeEstimate(0)
    lines = [estimate.line(now, 0.3, "fitting: penalty 1") for now in range(0, 300)]
    assert [line for line in lines if line] == [
        "Fitting: penalty 1", "Fitting: penalty 1 (2 min elapsed)", "Fitting: penalty 1 (4 min elapsed)",
    ]  # fmt: skip


def test_the_bar_never_goes_back_within_and_between_steps():
    from mtmsd.algorithms.bridge.feedback import ProgressRange

    log = Log()
    for start, stop in ((0, 8), (8, 10), (10, 95), (95, 100)):
        progress = ProgressRange(log, start, stop, f"Step {start}")
        for fraction in (0.0, 0.5, 0.3, 0.9, 0.2, 1.0, 7.0):
            progress.advance(fraction)
            progress.beat()
    assert all(b >= a - 2e-4 for a, b in zip(log.values, log.values[1:]))  # but for the heartbeat
    assert log.values[-1] == pytest.approx(100, abs=1e-3)
    assert log.lines == ["Step 0", "Step 8", "Step 10", "Step 95"]


def test_messages_of_a_worker_become_lines_with_the_time_of_the_whole_run(fake_worker, monkeypatch):
    from mtmsd.algorithms.bridge import feedback as run_feedback
    from mtmsd.algorithms.bridge.worker import worker_process
    from mtmsd.algorithms.bridge.worker.worker_process import job_folder, run_worker
    from mtmsd.mtmsd_qgis.jobs.protocol import Job

    fake_worker("""
for i in range(1, 41):
    send(type="progress", fraction=i / 40, text="training: iteration %d of 40" % i)
send(type="result", values={})
""")
    log, clock = Log(), iter(range(1000, 10**6, 1))
    monkeypatch.setattr(run_feedback, "monotonic", lambda: 900.0)  # the run began 100 s before the worker
    run_feedback.start_clock(log)
    monkeypatch.setattr(worker_process, "monotonic", lambda: float(next(clock)))
    with job_folder() as folder:
        run_worker(Job("pretrain"), folder, "torch", run_feedback.ProgressRange(log, 10, 90))
    lines = [line for line in log.lines if line.startswith("Training: ")]
    assert "elapsed" in lines[0]
    assert any("elapsed, about" in line and "left" in line for line in lines[1:])
    assert len(lines) < 20
    assert all(b >= a - 2e-4 for a, b in zip(log.values, log.values[1:]))


def test_a_clock_ends_with_its_feedback():
    from mtmsd.algorithms.bridge import feedback as run_feedback

    feedback = QgsProcessingFeedback()
    run_feedback.start_clock(feedback)
    assert run_feedback.start_time(feedback) == run_feedback.start_time(feedback)
    count = len(run_feedback._started)
    del feedback
    assert len(run_feedback._started) == count - 1
