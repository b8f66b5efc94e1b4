"""Run all measures with `make bench`, or some with `make bench ARGS="fanout needle"`.

Results are written to bench/results. The table in README.md is replaced only if all measures succeeded.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

from attrs import asdict, define, evolve, field

from bench import consume, fanout, machine, needle, new_peers, report, stalled, workers
from bench.load import compile_load
from bench.plot import plot
from bench.rig import WEIGHT, Plan, Rig
from tests.support.rabbitmq import Broker

MEASURES = {
    "fanout": fanout,
    "new_peers": new_peers,
    "consume": consume,
    "needle": needle,
    "stalled": stalled,
    "workers": workers,
}
"""The measures by name, in the order of the table."""

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
README = ROOT / "README.md"


@define
class Progress:
    """Prints the progress.

    Attributes:
        total: number of steps of all measures.
    """

    total: int
    done: int = 0
    began: float = field(factory=time.monotonic)

    def step(self, words):
        """Print the step that begins."""
        self.done += 1
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"[{self.done:>3} of {self.total}, {minutes:>2}:{seconds:02}] {words}", flush=True)


def arguments(words):
    """Parse the command line."""
    parser = argparse.ArgumentParser("make bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "measures", nargs="*", metavar="MEASURE", help=f"{', '.join(MEASURES)}; all by default"
    )
    parser.add_argument(
        "--rounds", type=int, help="rounds of each measure; fewer rounds are faster and less precise"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the raw results")
    parsed = parser.parse_args(words)
    for name in parsed.measures:
        if name not in MEASURES:
            parser.error(f"unknown measure {name!r}; choose from {', '.join(MEASURES)}")
    return parsed


def allow_files():
    """Raise the soft limit of open files to the hard limit, also for child processes; return it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 65536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def take(names, plan, folder, about):
    """Run the measures and return their results by name. Print and omit a measure that fails."""
    files, results = allow_files(), {}
    progress = Progress(sum(MEASURES[name].steps(plan) for name in names))
    with tempfile.TemporaryDirectory(prefix="wsevents-bench-") as root:
        (Path(root) / "rabbitmq").mkdir()
        load = compile_load(root)
        broker = Broker(Path(root) / "rabbitmq")
        try:
            print("starting a private RabbitMQ", flush=True)
            broker.boot()
            rig = Rig(plan, load, broker, files, progress.step)
            for name in names:
                try:
                    results[name] = MEASURES[name].measure(rig)
                except Exception:  # noqa: BLE001 continue with the other measures
                    traceback.print_exc()
                else:
                    report.write(folder, name, asdict(plan), about, results[name])
        finally:
            broker.close()
    return results


def draw(folder, curve, about):
    """Write the plot as fanout.svg."""
    title = "CPU of the server per delivered event, in microseconds"
    caption = f"{WEIGHT} over TLS, one at a time; {about['date']}"
    (folder / "fanout.svg").write_text(plot(curve, title, caption))


def main(words):
    chosen = arguments(words)
    # Measure this checkout, not an installed package.
    os.environ["PYTHONPATH"] = str(ROOT)
    plan = evolve(Plan(), rounds=chosen.rounds) if chosen.rounds else Plan()
    names = [name for name in MEASURES if name in chosen.measures] or list(MEASURES)
    about = machine.describe()
    results = take(names, plan, chosen.results, about)
    if "fanout" in results:
        draw(chosen.results, results["fanout"].raw["curve"], about)
    rows = [row for result in results.values() for row in result.rows]
    print(report.table(rows))
    if len(results) == len(MEASURES) and plan == Plan() and chosen.results == RESULTS:
        README.write_text(report.put_into(README.read_text(), report.markdown(rows, about)))
    return len(results) != len(names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
