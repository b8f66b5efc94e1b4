"""Run the measures: `make bench`, or some of them: `make bench ARGS="fanout needle"`.

Results go to bench/results. The section of README.md is written when all measures were taken, as a whole.
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

from bench import consume, fanout, machine, needle, newcomers, report, stalled, workers
from bench.load import compile_load
from bench.plot import plot
from bench.rig import WEIGHT, Plan, Rig
from tests.support.rabbitmq import Broker

MEASURES = {
    "fanout": fanout,
    "newcomers": newcomers,
    "consume": consume,
    "needle": needle,
    "stalled": stalled,
    "workers": workers,
}
"""In the order of the table."""

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
README = ROOT / "README.md"


@define
class Progress:
    """Tells how far we are.

    Attributes:
        total: steps of all measures.
    """

    total: int
    done: int = 0
    began: float = field(factory=time.monotonic)

    def step(self, words):
        """Say what comes now."""
        self.done += 1
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"[{self.done:>3} of {self.total}, {minutes:>2}:{seconds:02}] {words}", flush=True)


def arguments(words):
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser("make bench", description=__doc__.splitlines()[0])
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(MEASURES)}; all")
    parser.add_argument("--rounds", type=int, help="of each measure; fewer are faster and less exact")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the raw numbers")
    asked = parser.parse_args(words)
    for name in asked.measures:
        if name not in MEASURES:
            parser.error(f"there is no measure {name!r}; there are {', '.join(MEASURES)}")
    return asked


def allow_files():
    """Raise the soft limit on open files to the hard one, for us and all whom we start; return it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 65536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def take(names, plan, folder, about):
    """Take the measures; return their results by name. One that fails is told of, and left out."""
    files, results = allow_files(), {}
    progress = Progress(sum(MEASURES[name].steps(plan) for name in names))
    with tempfile.TemporaryDirectory(prefix="wsevents-bench-") as root:
        (Path(root) / "rabbitmq").mkdir()
        load = compile_load(root)
        broker = Broker(Path(root) / "rabbitmq")
        try:
            print("Starting a private RabbitMQ", flush=True)
            broker.boot()
            rig = Rig(plan, load, broker, files, progress.step)
            for name in names:
                try:
                    results[name] = MEASURES[name].measure(rig)
                except Exception:  # noqa: BLE001 the others are worth having
                    traceback.print_exc()
                else:
                    report.write(folder, name, asdict(plan), about, results[name])
        finally:
            broker.close()
    return results


def draw(folder, curve, about):
    """Write the plot."""
    title = "CPU of the server per delivered event, in microseconds"
    caption = f"{WEIGHT} over TLS, one at a time; {about['date']}"
    (folder / "fanout.svg").write_text(plot(curve, title, caption))


def main(words):
    asked = arguments(words)
    # What is measured is this checkout, whatever is installed.
    os.environ["PYTHONPATH"] = str(ROOT)
    plan = evolve(Plan(), rounds=asked.rounds) if asked.rounds else Plan()
    names = [name for name in MEASURES if name in asked.measures] or list(MEASURES)
    about = machine.describe()
    results = take(names, plan, asked.results, about)
    if "fanout" in results:
        draw(asked.results, results["fanout"].raw["curve"], about)
    rows = [row for result in results.values() for row in result.rows]
    print(report.table(rows))
    if len(results) == len(MEASURES) and plan == Plan() and asked.results == RESULTS:
        README.write_text(report.put_into(README.read_text(), report.markdown(rows, about)))
    return len(results) != len(names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
