"""How the chart's autoscaling follows a load: KEDA's and the HPA's documented rules over a simulated fleet.

`python -m bench.autoscaling_table` prints it for all traces and settings. What is simulated, second by second: requests
come at random (Poisson) and ask for audio; workers make so much of it a second, once they have started; Prometheus
looks every few seconds; the chart's query is what `fleet.workersNeeded` in its templates says; the HPA looks every
15 s. Sources: kubernetes.io, Horizontal Pod Autoscaling (algorithm, tolerance, behavior); keda.sh, ScaledObject
(polling, activation, cooldown).
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "deploy" / "k8s" / "kokoro-fleet" / "values.yaml"

HPA_PERIOD_S = 15
HPA_TOLERANCE = 0.1
RATE_WINDOW_S = 60
REQUEST_AUDIO_S = 12.0
"""A few sentences: what one request asks for."""
MAX_QUEUE_WAIT_S = 30.0
"""Of the gateways: beyond it a request is refused with Retry-After."""

Trace = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Workers:
    """capacity: audio seconds per second of one. start_s: from being wanted to working."""

    capacity: float = 3.5
    start_s: int = 25
    least: int = 1
    most: int = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """What the chart's values under ``keda`` say, and Prometheus' interval."""

    target_utilization: float
    drain_s: float
    polling_s: int
    cooldown_s: int
    up_pods: int
    up_percent: int
    up_period_s: int
    up_window_s: int
    down_percent: int
    down_period_s: int
    down_window_s: int
    scrape_s: int = 5
    by_backlog_alone: bool = False

    @classmethod
    def of_the_chart(cls) -> Policy:
        values: dict[str, Any] = yaml.safe_load(CHART.read_text(encoding="utf-8"))
        keda, up, down = values["keda"], values["keda"]["scaleUp"], values["keda"]["scaleDown"]
        return cls(
            target_utilization=keda["targetUtilization"],
            drain_s=keda["drainSeconds"],
            polling_s=keda["pollingInterval"],
            cooldown_s=keda["cooldownPeriod"],
            up_pods=up["podsPerPeriod"],
            up_percent=up["percentPerPeriod"],
            up_period_s=up["periodSeconds"],
            up_window_s=up["stabilizationSeconds"],
            down_percent=down["percentPerPeriod"],
            down_period_s=down["periodSeconds"],
            down_window_s=down["stabilizationSeconds"],
            scrape_s=int(values["monitoring"]["interval"].removesuffix("s")),
        )


@dataclass
class Autoscaler:
    """KEDA between none and one, the HPA above."""

    policy: Policy
    workers: Workers
    replicas: int
    _advice: deque[tuple[int, int]] = field(default_factory=deque)
    _changes: deque[tuple[int, int]] = field(default_factory=deque)
    _active_at: int = 0

    def look(self, now: int, needed: float) -> None:
        """``needed``: what the query says."""
        if now % self.policy.polling_s == 0:
            self._activate(now, needed)
        if now % HPA_PERIOD_S == 0 and self.replicas:
            self._follow(now, needed)

    def _activate(self, now: int, needed: float) -> None:
        if needed > 0:
            self._active_at = now
            if not self.replicas:
                self._set(now, 1)
        elif not self.workers.least and self.replicas and now - self._active_at >= self.policy.cooldown_s:
            self._set(now, 0)

    def _follow(self, now: int, needed: float) -> None:
        within = abs(needed / self.replicas - 1) <= HPA_TOLERANCE
        wanted = self.replicas if within else math.ceil(needed)
        wanted = min(max(wanted, self.workers.least, 1), self.workers.most)
        self._advice.append((now, wanted))
        while self._advice[0][0] <= now - max(self.policy.down_window_s, self.policy.up_window_s, HPA_PERIOD_S):
            self._advice.popleft()
        up = min((each for at, each in self._advice if at > now - self.policy.up_window_s), default=wanted)
        down = max((each for at, each in self._advice if at > now - self.policy.down_window_s), default=wanted)
        if up > self.replicas:
            self._set(now, min(up, self._up_limit(now)))
        elif down < self.replicas:
            self._set(now, max(down, self._down_limit(now)))

    def _up_limit(self, now: int) -> int:
        added = sum(change for at, change in self._changes if at > now - self.policy.up_period_s and change > 0)
        began = self.replicas - added
        return max(began + self.policy.up_pods, math.ceil(began * (1 + self.policy.up_percent / 100)))

    def _down_limit(self, now: int) -> int:
        taken = -sum(change for at, change in self._changes if at > now - self.policy.down_period_s and change < 0)
        began = self.replicas + taken
        return min(began - 1, math.floor(began * (1 - self.policy.down_percent / 100)))

    def _set(self, now: int, replicas: int) -> None:
        if replicas != self.replicas:
            self._changes.append((now, replicas - self.replicas))
            self.replicas = replicas

    @property
    def changes(self) -> list[tuple[int, int]]:
        """When, and by how many."""
        return list(self._changes)


@dataclass
class Fleet:
    """The queue and the workers that have started."""

    workers: Workers
    ready: list[int]
    """When each of the replicas works."""
    queued_s: float = 0.0
    """Audio seconds; without a worker, what requests that wait in their gateways will ask for."""
    made_s: float = 0.0
    refused_s: float = 0.0

    def speed(self, now: int) -> float:
        return sum(at <= now for at in self.ready) * self.workers.capacity

    def take(self, now: int, asked_s: float) -> None:
        """Queue what is asked for, unless it would wait too long; who waited for a worker is told when it comes."""
        self.queued_s += asked_s
        if speed := self.speed(now):
            too_much_s = max(0.0, self.queued_s - asked_s - MAX_QUEUE_WAIT_S * speed)
            self.queued_s -= too_much_s
            self.refused_s += too_much_s

    def work(self, now: int) -> None:
        done = min(self.queued_s, self.speed(now))
        self.queued_s -= done
        self.made_s += done

    def wait_s(self, now: int) -> float:
        """What a new request waits for its turn, or for the first worker, where there is none."""
        if speed := self.speed(now):
            return min(MAX_QUEUE_WAIT_S, self.queued_s / speed)
        return float(min(self.ready, default=now + self.workers.start_s) - now)

    def resize(self, now: int, replicas: int) -> None:
        """The newest go first: those that have not started are no loss."""
        while len(self.ready) < replicas:
            self.ready.append(now + self.workers.start_s)
        del self.ready[replicas:]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trace under one policy. Waits are of requests, weighted alike."""

    replicas: list[int]
    waits_s: list[float]
    refused: float
    turns: int
    """How often the number went up within ten minutes of having gone down: flapping."""
    utilization: float

    def wait_s(self, share: float) -> float:
        return sorted(self.waits_s)[int(share * (len(self.waits_s) - 1))]


def run(trace: Trace, seconds: int, policy: Policy, workers: Workers, seed: int = 1) -> Outcome:
    """``trace``: audio seconds asked for per second, by second."""
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    began = max(workers.least, math.ceil(trace(0) / workers.capacity / policy.target_utilization))
    fleet = Fleet(workers, [0] * began)
    scaler = Autoscaler(policy, workers, began)
    seen: deque[tuple[float, float]] = deque(maxlen=RATE_WINDOW_S // policy.scrape_s + 1)
    replicas: list[int] = []
    waits: list[float] = []
    for now in range(seconds):
        for _ in range(_poisson(chance, trace(now) / REQUEST_AUDIO_S)):
            waits.append(fleet.wait_s(now))
            fleet.take(now, REQUEST_AUDIO_S)
        fleet.work(now)
        if now % policy.scrape_s == 0:
            seen.append((fleet.made_s, fleet.queued_s))
        scaler.look(now, _needed(seen, policy, workers))
        fleet.resize(now, scaler.replicas)
        replicas.append(scaler.replicas)
    refused = fleet.refused_s / (len(waits) * REQUEST_AUDIO_S)
    return Outcome(replicas, waits, refused, _turns(scaler.changes), fleet.made_s / (sum(replicas) * workers.capacity))


def _needed(seen: Iterable[tuple[float, float]], policy: Policy, workers: Workers) -> float:
    """The chart's query, or queued seconds alone, as a queue is usually scaled on."""
    looks = list(seen)
    (first_made, _), (made, queued) = looks[0], looks[-1]
    if policy.by_backlog_alone:
        return queued / (policy.drain_s * workers.capacity)
    rate = (made - first_made) / max(1, (len(looks) - 1) * policy.scrape_s)
    return (rate + queued / policy.drain_s) / (workers.capacity * policy.target_utilization)


def _turns(changes: list[tuple[int, int]]) -> int:
    return sum(before[1] < 0 < after[1] and after[0] - before[0] <= 600 for before, after in pairwise(changes))


def _poisson(chance: random.Random, mean: float) -> int:
    """Knuth's, which is quick for the small means of one second."""
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count


HOUR = 3600
TRACES: dict[str, tuple[Trace, int]] = {
    "steady": (lambda _: 20.0, HOUR),
    "spike": (lambda at: 50.0 if 900 <= at < 1800 else 10.0, HOUR),
    "ramp": (lambda at: 5.0 + 65.0 * min(1.0, max(0.0, (at - 600) / 1200)), HOUR),
    "pulses": (lambda at: 40.0 if at % 600 < 120 else 5.0, 2 * HOUR),
    "diurnal": (lambda at: 35.0 - 30.0 * math.cos(2 * math.pi * at / (24 * HOUR)), 24 * HOUR),
    "from zero": (lambda at: 12.0 if at % HOUR > 3000 else 0.0, 4 * HOUR),
}


def policies() -> dict[str, Policy]:
    chart = Policy.of_the_chart()
    usual = replace(chart, scrape_s=15, polling_s=30, up_pods=4, up_percent=100, down_percent=100, down_period_s=15)
    return {
        "the chart's": chart,
        "queued seconds alone, KEDA's defaults": replace(usual, by_backlog_alone=True),
        "the chart's without a window for going down": replace(chart, down_window_s=0, down_percent=100),
    }


def workers_for(trace: str) -> Workers:
    return Workers(least=0) if trace == "from zero" else Workers()
