# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's end of the line, against workers that behave in every bad way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from harness import PROCESSING, plugin_folder
from qgis.core import QgsProcessingException, QgsProcessingUtils
from scenes import Log


def run(log, module="torch"):
    """Run an empty job with whatever worker is in place; returns its values."""
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.worker.worker_process import job_folder, run_worker
    from mtmsd.mtmsd_qgis.jobs.protocol import Job

    with job_folder() as folder:
        return run_worker(Job("pretrain"), folder, module, ProgressRange(log, 0, 100))


def refusal(log=None):
    """Run and return the words of the refusal."""
    with pytest.raises(QgsProcessingException) as caught:
        run(log or Log())
    return str(caught.value)


def job_folders():
    return list(Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*"))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_messages_become_feedback(fake_worker):
    fake_worker("""
send(type="log", level="info", text="hello")
send(type="log", level="warning", text="careful")
send(type="progress", fraction=0.5, text="half")
send(type="progress", fraction=0.25, text="")
send(type="result", values={"answer": 42})
""")
    log = Log()
    assert run(log) == {"answer": 42}
    assert "hello" in log.lines
    assert log.warnings == ["careful"]
    assert "Half" in log.lines
    assert max(log.values) == pytest.approx(50)
    assert min(log.values[log.values.index(max(log.values)) :]) > 49.9  # never goes back


def test_noise_is_no_message(fake_worker):
    fake_worker("""
print("Downloading... \\x00\\xff {not json")
sys.stdout.buffer.write(b"\\xff\\xfe\\n"); sys.stdout.flush()
print("@mtmsd {broken")
send(type="result", values={"answer": 1})
""")
    log = Log()
    assert run(log) == {"answer": 1}
    assert "Downloading" in log.text


def test_a_flood_of_noise_does_not_drown_the_log(fake_worker):
    fake_worker("""
for i in range(20000):
    print("noise", i)
send(type="result", values={})
""")
    log = Log()
    run(log)
    assert sum("noise" in line for line in log.lines) == 50


def memory_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_without_a_line_end_fills_neither_memory_nor_disk(fake_worker, stream):
    fake_worker(f"""
for i in range(1600):
    sys.{stream}.buffer.write(b"x" * (1 << 18))
sys.{stream}.buffer.write(b"\\n"); sys.{stream}.flush()
send(type="result", values={{"answer": 3}})
""")
    before = memory_mib()
    assert run(Log()) == {"answer": 3}
    assert memory_mib() - before < 50  # of 400 that were printed


def test_a_flood_of_messages_does_not_run_ahead_of_us(fake_worker):
    fake_worker("""
for i in range(100000):
    print('@mtmsd {"version": 1, "type": "progress", "fraction": 0.5, "text": "' + "x" * 1000 + '"}')
send(type="result", values={"answer": 4})
""")
    before = memory_mib()
    assert run(Log()) == {"answer": 4}
    assert memory_mib() - before < 50  # of 100 that were sent


def test_a_worker_that_floods_is_cancelled_too(fake_worker):
    fake_worker("""
send(type="log", text="started")
while True:
    print("noise" * 1000)
""")
    start = time.monotonic()
    assert "Cancelled" in refusal(Log(cancel_at="started"))
    assert time.monotonic() - start < 10


def test_error_message_is_the_exception(fake_worker):
    fake_worker("""
send(type="error", kind="input", text="The raster has no pixels.", details="Traceback ...")
sys.exit(1)
""")
    log = Log()
    assert refusal(log) == "The raster has no pixels."
    assert "Traceback ..." in log.lines


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os.kill(os.getpid(), 9)", "killed, most likely for lack of memory"),
        ("os.kill(os.getpid(), 11)", "crashed (SIGSEGV)"),
        ("sys.exit(0)", "ended without a result"),
        ("sys.exit(7)", "ended with status 7"),
        ("sys.stderr.write('OSError: No space left on device'); sys.exit(1)", "The disk is full"),
        ("sys.stderr.write('no kernel image is available for it'); sys.exit(1)", "does not support the graphics"),
        ("raise ValueError('boom')", "ended with status 1"),
        ("print('@mtmsd {\"version\": 1, \"type\": \"error\", \"text\": 5}'); sys.exit(1)", "ended with status 1"),
        ("print('@mtmsd {\"version\": 99, \"type\": \"result\"}', flush=True); time.sleep(60)", "protocol version 99"),
    ],
)  # fmt: skip
def test_a_worker_that_fails_is_explained(fake_worker, body, words):
    fake_worker(body)
    before = job_folders()
    assert words in refusal()
    assert job_folders() == before


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("internal", "Internal error: RuntimeError: no kernel image is available.", "Install the CUDA build"),
        ("input", "The Python cannot load: [WinError 1114] A DLL initialization routine failed.", "Visual C++ runtime"),
        ("internal", "Internal error: RuntimeError: The NVIDIA driver on your system is too old.", "Update the driver"),
        ("input", "A file could not be written: [Errno 28] No space left on device.", "The disk is full"),
        ("memory", "cuda:0 ran out of memory. Choose smaller tiles.", "cuda:0 ran out"),
    ],
)  # fmt: skip
def test_what_torch_says_is_translated_and_kept(fake_worker, kind, text, words):
    fake_worker(f"send(type='error', kind={kind!r}, text={text!r}); sys.exit(1)")
    said = refusal()
    assert said.startswith(words) or words in said
    assert text in said


@pytest.mark.parametrize(
    ("status", "stderr", "words"),
    [
        (0xC0000005, "", "crashed (memory access error). Update the graphics driver or choose the device cpu."),
        (-1073741819, "", "crashed (memory access error)"),  # the same, as some versions of Python give it
        (0xC0000135, "", "Visual C++ runtime"),
        (1, "OSError: [WinError 1114] A DLL initialization routine failed: c10.dll", "Visual C++ runtime"),
        (1, "OSError: [WinError 1455] The paging file is too small", "Enlarge the paging file"),
        (1, "RuntimeError: CUDA out of memory.", "not enough memory"),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", "not enough memory"),
        (1, "CUDA driver version is insufficient for CUDA runtime version", "driver is too old"),
        (137, "", "killed, most likely for lack of memory"),
        (-9, "out of memory", "killed, most likely for lack of memory"),
    ],
)  # fmt: skip
def test_every_way_to_die_has_its_remedy(status, stderr, words):
    from mtmsd.algorithms.bridge.worker.worker_failures import cause_of_death

    assert words in cause_of_death(status, stderr)


def test_its_last_words_reach_the_log(fake_worker):
    fake_worker("raise ValueError('boom')")
    log = Log()
    refusal(log)
    assert "ValueError: boom" in log.text


def test_a_crash_after_the_result_does_not_lose_it(fake_worker):
    fake_worker('send(type="result", values={"answer": 5}); os.kill(os.getpid(), 6)')
    log = Log()
    assert run(log) == {"answer": 5}
    assert "after it had delivered its result" in log.warnings[0]


def slow_reader(monkeypatch, seconds):
    """As on a busy machine: the thread that reads the worker's lines gets its turn late."""
    from mtmsd.algorithms.bridge.worker import worker_process

    def late(stream, read=worker_process.read_lines):
        for line in read(stream):
            time.sleep(seconds)
            yield line

    monkeypatch.setattr(worker_process, "read_lines", late)


@pytest.mark.parametrize("quiet", [0, 1.5])
def test_the_last_message_is_not_lost_where_its_reader_gets_its_turn_late(fake_worker, monkeypatch, quiet):
    slow_reader(monkeypatch, 2.5)
    fake_worker(f'time.sleep({quiet}); send(type="result", values={{"answer": 6}})')
    assert run(Log()) == {"answer": 6}


def test_the_last_error_is_not_lost_where_its_reader_gets_its_turn_late(fake_worker, monkeypatch):
    slow_reader(monkeypatch, 2.5)
    fake_worker('time.sleep(1.5); send(type="error", text="The raster has no pixels."); sys.exit(1)')
    assert refusal() == "The raster has no pixels."


def test_a_child_that_outlives_the_worker_and_holds_its_output_does_not_hold_us(fake_worker, tmp_path):
    fake_worker(f"""
import subprocess
child = subprocess.Popen(["/bin/sleep", "600"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
send(type="result", values={{"answer": 7}})
""")
    start = time.monotonic()
    assert run(Log()) == {"answer": 7}
    assert time.monotonic() - start < 30
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_an_obedient_worker_is_cancelled_at_once(fake_worker, tmp_path):
    fake_worker(f"""
send(type="log", text="started")
line = sys.stdin.readline()
open({str(tmp_path / "word")!r}, "w").write(line)
sys.exit(3)
""")
    start = time.monotonic()
    assert "Cancelled" in refusal(Log(cancel_at="started"))
    assert time.monotonic() - start < 10
    assert (tmp_path / "word").read_text() == "cancel\n"


@pytest.mark.parametrize(("answer", "kept"), [(True, True), (False, False)])
def test_a_cancelled_worker_that_keeps_its_work_is_given_time(fake_worker, tmp_path, monkeypatch, answer, kept):
    from mtmsd.algorithms.bridge.worker import worker_process

    monkeypatch.setattr(worker_process, "_GRACE_SECONDS", 3.0)  # on a busy machine its answer takes time, too
    fake_worker(f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_DFL)
send(type="log", text="started")
sys.stdin.readline()
if {answer}:
    send(type="stopping")
time.sleep(6)
open({str(tmp_path / "kept")!r}, "w").write("checkpoint")
send(type="error", kind="cancelled", text="Cancelled.")
time.sleep(600)
""")
    assert "Cancelled" in refusal(Log(cancel_at="started"))
    assert (tmp_path / "kept").exists() == kept


def test_a_deaf_worker_and_its_children_are_ended(fake_worker, tmp_path):
    fake_worker(f"""
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["/bin/sleep", "600"])
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
send(type="log", text="started")
while True:
    time.sleep(1)
""")
    assert "Cancelled" in refusal(Log(cancel_at="started"))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    time.sleep(0.2)
    assert [pid for pid in pids if alive(pid)] == []


def test_a_worker_that_died_before_it_read_anything_can_be_cancelled(fake_worker):
    fake_worker("""
os.close(0)
send(type="log", text="started")
time.sleep(600)
""")
    assert "Cancelled" in refusal(Log(cancel_at="started"))


def test_a_worker_that_closes_its_output_and_stays_is_ended(fake_worker, monkeypatch):
    from mtmsd.algorithms.bridge.worker import worker_process

    monkeypatch.setattr(worker_process, "_LEAVE_SECONDS", 0.3)
    fake_worker("os.close(1); os.close(2); time.sleep(600)")
    assert "crashed (SIGTERM)" in refusal()


def test_nothing_is_left_open(fake_worker):
    fake_worker('send(type="result", values={})')
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        run(Log())


def test_window_stays_alive_while_waiting(fake_worker):
    from qgis.PyQt.QtCore import QTimer

    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(50)
    fake_worker('time.sleep(1.5); send(type="result", values={})')
    run(Log())
    timer.stop()
    gaps = [later - earlier for earlier, later in zip(ticks, ticks[1:])]
    assert len(ticks) > 5
    assert max(gaps) < 1.0


def test_bar_moves_while_the_worker_says_nothing_and_never_goes_back(fake_worker):
    fake_worker("""
send(type="progress", fraction=0.1, text="cross-validating models: 1 of 9")
time.sleep(4)
send(type="progress", fraction=0.5, text="cross-validating models: 5 of 9")
send(type="result", values={})
""")
    log = Log()
    run(log)
    quiet = [value for value in log.values if 10.001 < value < 49]
    assert len(quiet) > 5
    assert max(quiet) < 12.1  # at most two hundredths of the step ahead
    assert log.values[-1] == pytest.approx(50, abs=0.001)
    assert all(later > earlier - 0.001 for earlier, later in zip(log.values, log.values[1:]))


HOST = """
import sys
sys.path[:0] = [sys.argv[1], {processing!r}, {tests!r}]
from qgis.core import QgsApplication
application = QgsApplication([], False); application.initQgis()
from pathlib import Path
from mtmsd.algorithms.bridge.worker import interpreter
from mtmsd.algorithms.bridge.feedback import ProgressRange
from mtmsd.algorithms.bridge.worker.worker_process import job_folder, run_worker
from mtmsd.mtmsd_qgis.jobs.protocol import Job
from qgis.core import QgsProcessingFeedback
interpreter.WORKER = Path(sys.argv[2])
with job_folder() as folder:
    run_worker(Job("pretrain"), folder, "torch", ProgressRange(QgsProcessingFeedback(False), 0, 100))
"""


def test_worker_sees_end_of_input_when_qgis_is_killed(fake_worker, tmp_path):
    script = fake_worker(f"""
open({str(tmp_path / "started")!r}, "w").close()
sys.stdin.read()
open({str(tmp_path / "ended")!r}, "w").close()
""")
    code = HOST.format(processing=PROCESSING, tests=str(Path(__file__).parent))
    host = subprocess.Popen([sys.executable, "-c", code, str(plugin_folder()), str(script)], stderr=subprocess.DEVNULL)
    assert appears(tmp_path / "started", 60)
    host.send_signal(signal.SIGKILL)
    host.wait()
    assert appears(tmp_path / "ended", 10)


def test_real_worker_ends_when_its_input_closes(torch_python, tmp_path):
    from mtmsd.algorithms.bridge.worker.interpreter import WORKER

    worker = subprocess.Popen(
        [torch_python, "-I", str(WORKER), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    worker.stdin.close()
    assert worker.wait(timeout=60) != 0


def appears(path, seconds):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return path.exists()
