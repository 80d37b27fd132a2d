# SPDX-License-Identifier: Apache-2.0
"""Runs the real state machines against the simulator, in process, and kills them wherever it is told to.

No sockets: the simulator's own ``handle`` answers each call, and says of a cut connection whether anything
was sent. One execution is one run of a task; a logical task is an execution and all its reruns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_sengo.exceptions import NotSent, OutcomeUnknown, SenGoProviderError
from airflow_provider_sengo.protocol.http import Call, Response
from airflow_provider_sengo.protocol.steps import FindInArchive, Mark, Now, Unmark, Wait
from airflow_provider_sengo.simulator import ConnectionCut, World

NOW = "2026-11-20T10:00:00+07:00"
ACTIONS_MAX = 60  # of one execution: a state machine that asks for more does not end


class Crash(BaseException):
    """The process is killed here."""


def make_world(**settings) -> World:
    return World(per_day=0, days=1, now=NOW, frozen=True, requests_kept=0, **settings)


@dataclass
class Task:
    """What survives a process: the mark, where there is a store, and how often the task was tried."""

    has_store: bool = True
    marked: bool = False
    tries: int = 0

    def may_have_been_sent(self) -> bool:
        return self.marked if self.has_store else self.tries != 1


@dataclass
class Execution:
    """One run of a task: drives a state machine, and is killed at action ``kill_at`` if it gets there.

    Each action has two places to be killed at: before it is done, and when it is done but the state
    machine has not been told.
    """

    world: World
    task: Task = field(default_factory=Task)
    kill_at: int | None = None
    archive: dict = field(default_factory=dict)
    place: int = 0
    sent: list[str] = field(default_factory=list)

    def run(self, steps):
        answer, error = None, None
        for _ in range(ACTIONS_MAX):
            try:
                step = steps.throw(error) if error else steps.send(answer)
            except StopIteration as end:
                return end.value
            self._maybe_killed()
            answer, error = self._do(step)
            self._maybe_killed()
        raise AssertionError("the state machine does not end")

    def _maybe_killed(self):
        self.place += 1
        if self.place - 1 == self.kill_at:
            raise Crash

    def _do(self, step):
        match step:
            case Call():
                try:
                    return self.call(step), None
                except SenGoProviderError as error:
                    return None, error
            case Wait(seconds):
                self.world.advance(seconds)
            case Mark():
                self.task.marked = True
            case Unmark():
                self.task.marked = False
            case Now():
                return self.world.now(), None
            case FindInArchive(reference):
                return self.archive.get(reference), None
            case _:
                raise AssertionError(step)
        return None, None

    def call(self, call):
        request = call.request
        self.sent.append(f"{request.method} {call.name}")
        try:
            status, headers, body = self.world.handle(
                request.method, request.url, dict(request.headers), request.body or b""
            )
        except ConnectionCut as cut:
            raise (OutcomeUnknown if cut.sent else NotSent)(str(cut)) from None
        lower = {name.lower(): value for name, value in headers.items()}
        return call.parse(Response(status, lower, body, self.world.now()))


@dataclass(frozen=True)
class Trouble:
    """A fault as the simulator takes it."""

    name: str
    details: tuple[tuple[str, object], ...] = ()

    def strike(self, world, endpoint, at):
        world.set_fault(self.name, endpoint=endpoint, at=at, **dict(self.details))

    def __str__(self):
        return self.name + "".join(f" {key}={value}" for key, value in self.details)


def trouble(name, **details):
    return Trouble(name, tuple(sorted(details.items())))


# Every way in which the answer to a request that moves money can go wrong, with the work done and without.
LOST = [
    trouble(name, processed=processed, **details)
    for processed in (True, False)
    for name, details in (
        ("reset", {}),
        ("truncated", {}),
        ("timeout", {}),
        ("html", {}),
        ("cut_json", {}),
        ("http_500", {}),
        ("rate_429", {}),
        ("soft_error", {}),
        ("redirect", {}),
        ("http_status", {"status": 201}),
        ("http_status", {"status": 204, "empty": True}),
    )
]
