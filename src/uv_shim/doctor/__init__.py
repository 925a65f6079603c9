"""The doctor: does `uv` pass the shim wherever it is called, and does the shim find what it needs?

Probes (`starts`, `surroundings`) return findings; here they are gathered and worded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from uv_shim import report
from uv_shim.doctor import starts, surroundings
from uv_shim.doctor.findings import Finding, State

#: Without an answer to these, nothing is known of the shim's own way.
_VITAL = ("here", "real uv", "Python", "configuration")

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "red", State.UNKNOWN: "bold"}


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Everything that there is to say, in the order of the probes."""
    probes = [*starts.probes(environ), *surroundings.probes(environ)]
    progress = report.Progress("looking", len(probes))
    # Shells and uv run side by side.
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(lambda probe: list(probe()), probe) for probe in probes]
        try:
            pending = set(asked)
            while pending:
                pending = wait(pending, timeout=0.2).not_done
                progress.at(len(asked) - len(pending))
        finally:
            # Whoever is interrupted waits for none that has not begun.
            for one in asked:
                one.cancel()
            progress.end()
    return [finding for one in asked for finding in one.result()]


def code(findings: Sequence[Finding]) -> int:
    """1: there are problems; 2: there are none, but what matters most could not be looked at; else 0."""
    states = {finding.state for finding in findings}
    if State.PROBLEM in states:
        return 1
    return 2 if any(finding.state is State.UNKNOWN and finding.name in _VITAL for finding in findings) else 0


def for_machines(findings: Sequence[Finding]) -> str:
    """JSON."""
    return report.as_json({"findings": [{**dataclasses.asdict(finding), "state": finding.state.value} for finding in findings],
                           "exit": code(findings)})


def in_words(findings: Sequence[Finding], style: report.Style) -> str:
    """For people."""
    return "\n".join(_lines(findings, style))


def _lines(findings: Sequence[Finding], style: report.Style) -> Iterator[str]:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        word = finding.state.value
        yield f"{style.paint(word, _COLOURS[finding.state])}{' ' * (8 - len(word))} {finding.name:{width}}  {finding.text}"
        if finding.fix:
            yield f"{'':8} {'':{width}}  {style.paint(f'fix: {finding.fix}', 'bold')}"
    yield ""
    counts = [(sum(finding.state is state for finding in findings), state) for state in State]
    yield ", ".join(f"{count} {state.value if count == 1 or state in (State.OK, State.UNKNOWN) else f'{state.value}s'}"
                    for count, state in counts if count)
