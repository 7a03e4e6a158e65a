# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a campaign at work: one, or all in their order.

Enters: a campaign folder, which step, which share of its units. Leaves: the units' files, and what they are put
together to.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from ...campaign import folder as names
from ...campaign import steps
from ...campaign.folder import BEGUN, CAMPAIGN_FILE, read_campaign, write_text
from ...campaign.steps import STEPS, Shard, Step, Unit, check_needs, is_done, next_step, state_of, units_of
from ...diffusion.matrix_errors import matrix_errors_in_words
from ...errors import FileFormatError, MtmsdError, SettingsError
from ...io.run_directory import digest, read_notes
from ...progress import Progress, span
from .campaign_run import CampaignRun, UnitWork
from .find_features import find_features
from .gather import gather
from .judge import judge
from .learn import learn
from .map_strips import map_strips, put_maps_together
from .measure import add_up_moments, measure
from .train import train_together

log = logging.getLogger(__name__)

# What the units of a step are made with, all of them with the same; files in shared/.
_MADE_WITH: Mapping[str, tuple[str, ...]] = {
    steps.GATHER: (names.MODEL, names.FEATURES),
    steps.MAP: (names.MOMENTS, names.CLASSIFIER),
}

WORK: Mapping[str, Callable[[CampaignRun], UnitWork]] = {
    steps.MOMENTS: measure,
    steps.PRETRAIN: train_together,
    steps.STATISTICS: find_features,
    steps.GATHER: gather,
    steps.LEARN: learn,
    steps.MAP: map_strips,
    steps.JUDGE: judge,
}
MERGED: Mapping[str, Callable[[CampaignRun], None]] = {
    steps.MOMENTS: add_up_moments,
    steps.MAP: put_maps_together,
}


def run_campaign(folder: Path, step: Step | None, shard: Shard, progress: Progress) -> dict[str, Any]:
    """Do a step's units, or one step after the other until all are complete.

    Args:
        folder: Of the campaign.
        step: Which one; None: all that are not complete.
        shard: Which of its units.
        progress: Told after each piece of work.

    Returns:
        For the result message: how many units of which step are done.

    Raises:
        MtmsdError: campaign.json is not right or was changed, a file that a step has begun with was replaced, or a
            step that is needed is not complete.
        SettingsError: A shard of no step.
        SceneError: A matrix of the data cannot be decomposed or inverted.
    """
    run = CampaignRun(folder, read_campaign(folder))
    _begin(run)
    if step is not None:
        return _run_step(run, step, shard, progress)
    if shard.count > 1:
        raise SettingsError("--shard shares the units of one step among workers: name the step with --step.")
    order = list(STEPS)
    facts: dict[str, Any] = {}
    while (following := next_step(folder, run.campaign)) is not None:
        number = order.index(following.name)
        facts = _run_step(run, following, shard, span(progress, number / len(order), (number + 1) / len(order)))
        if not state_of(folder, run.campaign, following).complete:
            raise MtmsdError(f"The step '{following.name}' left nothing behind; look at the log for the reason.")
    return facts


def _run_step(run: CampaignRun, step: Step, shard: Shard, progress: Progress) -> dict[str, Any]:
    for name in step.needs:
        _merge(run, STEPS[name])
    check_needs(run.folder, run.campaign, step)
    for name in _MADE_WITH:
        _refuse_replaced(run, STEPS[name])
    own = shard.of(units_of(run.campaign, step))
    waiting = [] if _is_complete(run, step) else [unit for unit in own if not is_done(run.folder, run.campaign, unit)]
    log.info("Step '%s': %d of %d units of this worker are to be done.", step.name, len(waiting), len(own))
    work = WORK[step.name](run) if waiting else None
    if waiting and step.name in _MADE_WITH:
        _note_files(run, step)
    first = len(own) - len(waiting)
    for number, unit in enumerate(waiting, first):
        of_unit = span(progress, number / len(own), (number + 1) / len(own))
        if work is not None and not is_done(run.folder, run.campaign, unit):
            with matrix_errors_in_words(), _done_by_others(run, unit):
                work(unit, _named(of_unit, f"unit {number + 1} of {len(own)}: " if len(own) > 1 else ""))
    _merge(run, step)
    progress(1.0, f"step '{step.name}' done")
    return {"step": step.name, "shard": [shard.index, shard.count], "units": len(own), "done_now": len(waiting)}


@contextmanager
def _done_by_others(run: CampaignRun, unit: Unit) -> Iterator[None]:
    """Go on where another worker was at the same unit, has done it, and put away what both were writing to."""
    try:
        yield
    except (OSError, FileFormatError):
        if not is_done(run.folder, run.campaign, unit):
            raise
        log.info("%s was done by another worker meanwhile.", unit.file)


def _named(progress: Progress, prefix: str) -> Progress:
    return lambda fraction, text: progress(fraction, f"{prefix}{text}" if text else "")


def _is_complete(run: CampaignRun, step: Step) -> bool:
    return state_of(run.folder, run.campaign, step).complete


def _merge(run: CampaignRun, step: Step) -> None:
    """Put together what the units of a step have left, where all are done and nobody has yet."""
    if step.name not in MERGED or _is_complete(run, step):
        return
    if all(is_done(run.folder, run.campaign, unit) for unit in units_of(run.campaign, step)):
        MERGED[step.name](run)


def _begin(run: CampaignRun) -> None:
    """A campaign that has begun does not change, save the devices, as it may go on on another machine.

    Raises:
        MtmsdError: It has.
    """
    text = (run.folder / CAMPAIGN_FILE).read_text(encoding="utf-8")
    begun = run.shared(BEGUN)
    noted = read_notes(begun)
    if noted is None:
        write_text(begun, text)
    elif _wanted(noted) != _wanted(json.loads(text)):
        raise MtmsdError(
            f"{CAMPAIGN_FILE} is another one than when the campaign began. Put back what it was ({begun} is a copy), "
            f"or prepare a new campaign; files of {begun.parent} that shall be used again can be copied there."
        )


def _wanted(document: Mapping[str, Any]) -> dict[str, Any]:
    """What campaign.json says, without the devices of its settings."""
    parts = {name: part for name, part in document.items() if isinstance(part, dict)}
    return {**document, **{n: {k: value for k, value in p.items() if k != "device"} for n, p in parts.items()}}


def _note_files(run: CampaignRun, step: Step) -> None:
    """Note which files a step begins with, unless it has begun already."""
    path = _notes_of(run, step)
    if not (_has_begun(run, step) and path.is_file()):
        found = [name for name in _MADE_WITH[step.name] if run.shared(name).is_file()]
        write_text(path, json.dumps({name: digest([run.shared(name)]) for name in found}, indent=1))


def _refuse_replaced(run: CampaignRun, step: Step) -> None:
    """All units of a step are made with the same files, and what is made of them too.

    Raises:
        MtmsdError: A file is another one than when the step began.
    """
    noted = read_notes(_notes_of(run, step)) if _has_begun(run, step) else None
    found = [name for name in noted or {} if run.shared(name).is_file()]
    replaced = [name for name in found if noted and digest([run.shared(name)]) != noted[name]]
    if replaced:
        raise MtmsdError(
            f"{run.shared(replaced[0])} is another one than when the step '{step.name}' began. Put back what it was, "
            f"or prepare a new campaign; files of {run.folder / names.SHARED} that shall be used again can be copied "
            "there."
        )


def _notes_of(run: CampaignRun, step: Step) -> Path:
    return run.shared(f"{step.name}-{BEGUN}")


def _has_begun(run: CampaignRun, step: Step) -> bool:
    """Whether a unit is done, or partly done."""
    units = units_of(run.campaign, step)
    return any(is_done(run.folder, run.campaign, u) or (run.folder / u.file).with_suffix("").exists() for u in units)
