# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills workers, and QGIS itself, at random moments of every step, and looks at what is left.

    scripts/kills.sh --kills 200 --host-kills 12 --seed 0 --out build/kills.json

One QGIS runs all trials in which a worker is killed; that it reaches the end is part of the result. A trial starts a
step over yesterday's output, kills the worker with SIGKILL at a moment drawn from the time the step takes, does so up
to four times more while the step goes on from what it kept, and then lets it end: the result must be, byte for byte,
that of a run that nobody disturbed. Checkpoints are written every third of a second, so that kills hit their writing
as well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "qgis"))

YESTERDAY = b"of yesterday"
CHECKPOINT_SECONDS = 0.3
SIDE = 176  # pixels of the scene: nine tiles; its polygons lie in the first 64
MOST_IN_A_ROW = 5
ORPHAN_SECONDS = 8.0  # a worker gives itself three to end in order
STEPS = {"pretrain": "model.mtmsd", "extract": "features.tif", "classify": "map.tif", "map": "map.tif"}
ALGORITHMS = {"pretrain": "pretraindiffusion", "extract": "extractfeatures", "classify": "classify", "map": "mapscene"}


@dataclass
class Step:
    """One step of the plugin, with what an undisturbed run of it gives.

    Attributes:
        name: Of STEPS.
        parameters: Of its algorithm, without OUTPUT.
        expected: The output's bytes.
        worker_seconds: How long its worker lived.
    """

    name: str
    parameters: dict[str, Any]
    expected: bytes = b""
    worker_seconds: float = 0.0

    def output(self, folder: Path) -> Path:
        """Where its result goes."""
        return folder / STEPS[self.name]

    def run(self, folder: Path, checkpoint: Path | None = None) -> None:
        """Run it to its end, or to an exception."""
        import processing
        from scenes import Log

        wants_it = checkpoint is not None and self.name == "pretrain"  # the others find theirs by themselves
        more = {"RESUME": str(checkpoint)} if wants_it else {}
        processing.run(
            f"mtmsd:{ALGORITHMS[self.name]}",
            {**self.parameters, "OUTPUT": str(self.output(folder)), **more},
            feedback=Log(),
        )

    def kept(self, folder: Path) -> Path | None:
        """What it has kept of a killed run."""
        path = self.output(folder).with_name(STEPS[self.name] + ".checkpoint")
        return path if path.exists() else None


@dataclass
class Outcome:
    """What happened."""

    kills: int = 0
    too_late: int = 0
    completed: int = 0
    resumed: int = 0
    by_step: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def expect(self, fine: bool, what: str) -> None:
        """Note a broken promise."""
        if not fine:
            self.faults.append(what)
            print(f"FAULT {what}", flush=True)


class Killer(threading.Thread):
    """Kills the next worker of this process so many seconds after it has appeared."""

    def __init__(self, after_seconds: float) -> None:
        super().__init__(daemon=True)
        self._after = after_seconds
        self.worker = 0
        self.killed = False
        self.over = threading.Event()

    def run(self) -> None:
        """Wait for the worker, then for the moment."""
        while not self.worker and not self.over.is_set():
            self.worker = next(iter(workers_of(os.getpid())), 0)
            time.sleep(0.005)
        if self.worker and not self.over.wait(self._after):
            try:
                os.kill(self.worker, signal.SIGKILL)
                self.killed = True
            except ProcessLookupError:
                pass


def workers_of(parent: int) -> list[int]:
    """Children of a process that are workers at work."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in _text(task).split():
            line = _text(Path(f"/proc/{pid}/cmdline"))
            if "worker.py" in line and "--probe" not in line:
                found.append(int(pid))
    return found


def group_of(leader: int) -> list[int]:
    """Living processes of a process group."""
    alive = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        parts = _text(stat).rpartition(")")[2].split()
        if len(parts) > 2 and parts[0] != "Z" and int(parts[2]) == leader:
            alive.append(int(stat.parent.name))
    return alive


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def looked_over(step: Step, folder: Path, outcome: Outcome, when: str) -> None:
    """Hold the folder against the promises after a kill."""
    output = step.output(folder)
    content = output.read_bytes() if output.exists() else None
    outcome.expect(content in (YESTERDAY, step.expected), f"{when}: {output.name} is neither the old nor the new one")
    allowed = {output.name, f"{output.name}.checkpoint", f"{output.name}.aux.xml", f"{output.stem}.qml"}
    rest = sorted(path.name for path in folder.iterdir() if path.name not in allowed)
    outcome.expect(not rest, f"{when}: left in the folder: {rest}")


def job_folders() -> list[str]:
    """Folders of jobs that this QGIS has left."""
    from qgis.core import QgsProcessingUtils

    return [path.name for path in Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*")]


def trial(step: Step, rng: random.Random, outcome: Outcome, most: int) -> None:
    """Kill the worker of a step one to five times, then let it end."""
    with tempfile.TemporaryDirectory(prefix="kills_") as place:
        folder = Path(place)
        step.output(folder).write_bytes(YESTERDAY)
        for _ in range(min(rng.randint(1, MOST_IN_A_ROW), most)):
            one_kill(step, folder, rng.uniform(0, step.worker_seconds), outcome)
        checkpoint = step.kept(folder)
        outcome.resumed += checkpoint is not None
        started = time.monotonic()
        try:
            step.run(folder, checkpoint)
        except Exception as error:  # whatever it is, it breaks the promise
            outcome.expect(False, f"{step.name}: did not go on: {error}")
            return
        fine = step.output(folder).read_bytes() == step.expected
        outcome.expect(fine, f"{step.name}: ended in another result than an undisturbed run")
        outcome.completed += fine
        if checkpoint is None:
            step.worker_seconds = time.monotonic() - started  # other programs make it longer and shorter


def one_kill(step: Step, folder: Path, after_seconds: float, outcome: Outcome) -> None:
    """One run of the step, whose worker is killed on the way."""
    when = f"{step.name}, killed after {after_seconds:.2f} s"
    killer, said = Killer(after_seconds), ""
    killer.start()
    try:
        step.run(folder, step.kept(folder))
    except Exception as error:  # any text is looked at
        said = str(error)
    killer.over.set()
    killer.join()
    if not killer.killed or not said:
        outcome.too_late += 1  # it had delivered its result
        outcome.expect(not said, f"{step.name}: failed by itself: {said}")
        step.output(folder).write_bytes(YESTERDAY)
        return
    outcome.kills += 1
    outcome.by_step[step.name] = outcome.by_step.get(step.name, 0) + 1
    outcome.expect("was killed" in said, f"{when}: said {said!r}")
    outcome.expect(not group_of(killer.worker), f"{when}: processes are left")
    outcome.expect(not job_folders(), f"{when}: job folders are left")
    looked_over(step, folder, outcome, when)


def prepared(folder: Path, names: list[str]) -> list[Step]:
    """Every step with its inputs, run once undisturbed."""
    from qgis.core import QgsApplication
    from scenes import make_scene, spectra, write_raster

    quicken()
    scene = make_scene(folder)
    wide = write_raster(folder / "wide.tif", spectra(height=SIDE, width=SIDE))
    train = {"ITERATIONS": 40, "BATCH_SIZE": 1, "PATCH_SIZE": 16, "COMPONENTS": 4, "DEVICE": "cpu"}
    features = {"TIMESTEPS": "100,500", "KEEP": 8, "DEVICE": "cpu"}
    learning = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", "SPLIT": "random", "DEVICE": "cpu"}
    raster, model = {"INPUT": str(wide)}, str(folder / STEPS["pretrain"])
    parameters = {
        "pretrain": {**raster, **train},
        "extract": {**raster, "MODEL": model, **features},
        "classify": {"INPUT": str(folder / STEPS["extract"]), **learning, "CLASSIFIER": "mtmsd", "EPOCHS": 30},
        "map": {**raster, **train, **features, **learning, "CLASSIFIER": "mtmsd", "EPOCHS": 30},
    }
    steps = []
    for name in STEPS:
        algorithm = QgsApplication.processingRegistry().algorithmById(f"mtmsd:{ALGORITHMS[name]}")
        if algorithm is None:
            continue
        declared = {definition.name() for definition in algorithm.parameterDefinitions()}
        step = Step(name, {key: value for key, value in parameters[name].items() if key in declared})
        started = time.monotonic()
        step.run(folder)
        step.worker_seconds = time.monotonic() - started
        step.expected = step.output(folder).read_bytes()
        steps.append(step)
    return [step for step in steps if step.name in names]


def quicken() -> None:
    """Checkpoints several times a second; what a user cannot choose."""
    from mtmsd.mtmsd_qgis.jobs import settings

    quick = settings.PRESETS["quick"]
    pretrain = replace(quick.pretrain, checkpoint_seconds=CHECKPOINT_SECONDS)
    settings.PRESETS["quick"] = replace(quick, pretrain=pretrain)  # type: ignore[index]


def host_trial(step: Step, rng: random.Random, outcome: Outcome) -> None:
    """Kill a QGIS of its own at a random moment of a step; then this one goes on from what is there."""
    with tempfile.TemporaryDirectory(prefix="kills_") as place:
        folder = Path(place)
        step.output(folder).write_bytes(YESTERDAY)
        after = rng.uniform(0, step.worker_seconds)
        when = f"QGIS in {step.name}, killed {after:.2f} s after its start of a worker"
        job = json.dumps({"step": step.name, "parameters": step.parameters, "folder": place})
        host = subprocess.Popen([sys.executable, __file__, "--host", job], stderr=subprocess.DEVNULL)
        workers: list[int] = []
        while host.poll() is None and not workers:
            workers = workers_of(host.pid)
            time.sleep(0.005)
        time.sleep(after)
        host.kill()
        too_late = host.wait() == 0
        outcome.too_late += too_late
        outcome.kills += not too_late
        outcome.by_step[step.name] = outcome.by_step.get(step.name, 0) + (not too_late)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while any(group_of(worker) for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        outcome.expect(not any(group_of(worker) for worker in workers), f"{when}: a worker lives on")
        for leftover in folder.glob("*.partial*"):
            leftover.unlink()  # both sides were killed while one was writing; never under a final name
        looked_over(step, folder, outcome, when)
        checkpoint = step.kept(folder)
        outcome.resumed += checkpoint is not None
        step.run(folder, checkpoint)
        fine = step.output(folder).read_bytes() == step.expected
        outcome.expect(fine, f"{when}: ended in another result than an undisturbed run")
        outcome.completed += fine


def run_as_host(job: dict[str, Any]) -> None:
    """Be the QGIS that is going to be killed."""
    quicken()
    Step(job["step"], job["parameters"]).run(Path(job["folder"]))


def main() -> int:
    """All trials; the status is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill workers and QGIS at random moments.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--host-kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", default=",".join(STEPS), help="some of: %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "kills.json")
    parser.add_argument("--host", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()

    from harness import make_importable, start_qgis

    make_importable()
    application = start_qgis()
    if given.host:
        run_as_host(json.loads(given.host))
        return 0
    started = time.monotonic()
    rng, workers, hosts = random.Random(given.seed), Outcome(), Outcome()
    with tempfile.TemporaryDirectory(prefix="kills_scene_") as folder:
        steps = prepared(Path(folder), given.steps.split(","))
        for trials, number in ((workers, given.kills), (hosts, given.host_kills)):
            turn = 0
            while trials.kills < number:
                step = steps[turn % len(steps)]
                turn += 1
                if trials is workers:
                    trial(step, rng, workers, number - workers.kills)
                else:
                    host_trial(step, rng, hosts)
                print(f"{trials.kills} of {number} kills, {trials.completed} ended well, {step.name}", flush=True)
                write_result(given, (workers, hosts), steps, time.monotonic() - started)
    del application
    return 1 if workers.faults or hosts.faults else 0


def write_result(
    given: argparse.Namespace, outcomes: tuple[Outcome, Outcome], steps: list[Step], seconds: float
) -> None:
    """The state of the campaign as JSON; outcomes of killed workers, and of killed QGIS."""
    given.out.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "seed": given.seed,
        "minutes": round(seconds / 60, 1),
        "seconds_of_a_run": {step.name: round(step.worker_seconds, 1) for step in steps},
        "worker_killed": vars(outcomes[0]),
        "qgis_killed": vars(outcomes[1]),
    }
    given.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
