"""The benchmarks' arithmetic on known inputs, and their cheapest real path from end to end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bottleneck import Bottleneck, Use, bottleneck
from benchmarks.driver import WrongAnswerError, following
from benchmarks.figures import Spread, percentile, ratio
from benchmarks.h2load import read
from benchmarks.load import Phase
from benchmarks.processes import Sample, use
from benchmarks.rows import Budget, Verdict, compare
from benchmarks.trial import Window
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_tokens.algorithms import ALGORITHMS

ROOT = Path(__file__).parents[2]
IDLE = Use(cores=0.0, busy=0.0)
EASY = Use(cores=0.2, busy=0.4)
FULL = Use(cores=0.6, busy=0.95)
BOUNDED = 45.0


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_a_percentile_is_the_least_value_that_the_share_does_not_exceed(
    share: float, expected: float
) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_ratio_compares_each_round_with_itself() -> None:
    # The machine halved its speed in the second round, and the ratio does not see it.
    assert ratio([80.0, 40.0, 60.0], [100.0, 50.0, 60.0]) == Spread(0.8, 0.8, 1.0)


@pytest.mark.parametrize(
    ("server", "store", "drivers", "expected"),
    [
        # The event loop always had work.
        (Use(0.9, 0.97), IDLE, [EASY, EASY], Bottleneck.SERVER),
        # So it had, though others took half of its core: the drivers did not.
        (Use(0.5, 0.97), IDLE, [EASY, EASY], Bottleneck.SERVER),
        # Everyone waited: a commit did.
        (Use(0.3, 0.4), Use(0.2, 0.3), [EASY, EASY], Bottleneck.STORE),
        (Use(0.6, 0.7), Use(0.4, 0.5), [FULL, EASY], Bottleneck.STORE),
        # The server waited for calls while each driver was at work.
        (Use(0.6, 0.7), Use(0.4, 0.5), [FULL, FULL], Bottleneck.DRIVER),
        # The server stood in the queue behind the drivers.
        (Use(0.5, 0.97), Use(0.1, 0.2), [FULL, FULL], Bottleneck.DRIVER),
        # What drives itself has no driver to blame.
        (Use(0.4, 0.5), Use(0.5, 0.3), [], Bottleneck.STORE),
    ],
)
def test_the_bottleneck_is_told_from_who_had_work(
    server: Use, store: Use, drivers: list[Use], expected: Bottleneck
) -> None:
    assert bottleneck(server, store, drivers) is expected


def test_use_is_what_was_added_between_two_samples() -> None:
    second = 1_000_000_000
    before = Sample(moment=10.0, threads={"7/7": (5 * second, 0), "7/8": (0, 0)}, machine=0.0)
    after = Sample(
        moment=12.0,
        threads={
            "7/7": (6 * second, second // 2),  # on a processor for 1 s, in the queue for 0.5 s
            "7/8": (second // 2, 0),
            "7/9": (second // 10, 0),  # began meanwhile
        },
        machine=0.0,
    )

    assert use(before, after) == Use(cores=0.8, busy=0.75)


def window(
    rate: float, p99: float = 10.0, by: Bottleneck = Bottleneck.SERVER, failed: int = 0
) -> Window:
    return Window(
        calls=int(rate),
        rate=rate,
        p50=5.0,
        p90=8.0,
        p99=p99,
        longest=20.0,
        failures={"UNAVAILABLE": failed} if failed else {},
        server=FULL,
        store=IDLE,
        drivers=(EASY,),
        server_us=200.0,
        store_us=0.0,
        others=0.0,
        bottleneck=by,
    )


def verdict(ours: list[Window], bare: list[Window]) -> Verdict:
    sides = {"ours": ours, "bare": bare}
    return compare("P1", "Validate", "", Budget(rate=0.85, p99=1.3), sides).verdict


BARE = [window(1000.0), window(1000.0), window(1000.0)]


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ([window(850.0, p99=13.0)] * 3, Verdict.MET),
        ([window(840.0)] * 3, Verdict.BROKEN),
        ([window(1000.0, p99=14.0)] * 3, Verdict.BROKEN),
        # One round of three that others spoiled changes nothing.
        ([window(900.0), window(900.0), window(10.0)], Verdict.MET),
        ([window(900.0), *[window(900.0, by=Bottleneck.DRIVER)] * 2], Verdict.DRIVER_BOUND),
        ([*[window(900.0)] * 2, window(900.0, by=Bottleneck.DRIVER)], Verdict.MET),
        # A call of a thousand may run into the store's time-out.
        ([*[window(900.0)] * 2, window(900.0, failed=2)], Verdict.MET),
        ([*[window(900.0)] * 2, window(900.0, failed=3)], Verdict.FAILED),
    ],
)
def test_the_verdict_is_by_the_median_round(ours: list[Window], expected: Verdict) -> None:
    assert verdict(ours, BARE) is expected


def test_a_budget_that_a_later_release_closes_fails_no_run() -> None:
    budget = Budget(rate=0.6, is_open=True)
    assert budget.verdict(0.59, 1.0) is Verdict.NOT_YET
    assert not Verdict.NOT_YET.fails
    assert budget.verdict(0.6, 1.0) is Verdict.MET
    assert Budget(rate=0.6).verdict(0.59, 1.0).fails


def test_a_driver_that_held_the_bare_side_back_fails_the_row_too() -> None:
    held_back = [window(1000.0, by=Bottleneck.DRIVER)] * 3

    assert verdict([window(900.0)] * 3, held_back) is Verdict.DRIVER_BOUND


def test_a_run_fails_by_what_must_hold_and_by_what_was_not_measured() -> None:
    assert {one for one in Verdict if one.fails} == {
        Verdict.BROKEN,
        Verdict.DRIVER_BOUND,
        Verdict.FAILED,
    }


def test_a_refresh_is_followed_by_its_successor_and_others_by_themselves() -> None:
    answer = pb.RefreshResponse(pair=pb.TokenPair(refresh_token="second"))
    asked = pb.RefreshRequest(refresh_token="first").SerializeToString()
    active = pb.ValidateResponse(active=True, claims=pb.Claims(user_id="1"))

    followed = following("Refresh", asked, answer.SerializeToString())

    assert pb.RefreshRequest.FromString(followed).refresh_token == "second"
    several = pb.BatchValidateResponse(results=[active] * 2).SerializeToString()
    assert following("Validate", b"asked", active.SerializeToString()) == b"asked"
    with pytest.raises(WrongAnswerError):
        # A length of one byte: no claims are in it, or hardly any.
        following("BatchValidate", b"asked", several)
    active.claims.permissions.extend(["engines.run"] * 20)
    several = pb.BatchValidateResponse(results=[active] * 2).SerializeToString()
    assert following("BatchValidate", b"asked", several) == b"asked"
    with pytest.raises(WrongAnswerError):
        following("Validate", b"asked", pb.ValidateResponse().SerializeToString())


def test_what_h2load_wrote_counts_within_the_phase() -> None:
    summary = (
        "requests: 4 total, 4 started, 4 done, 4 succeeded, 0 failed\n"
        "traffic: 1KB (900) total, 1B (100) headers (space savings 90%), 1KB (800) data\n"
    )
    log = "1000000\t200\t500000\n1900000\t200\t200000\n2500000\t200\t100000\n2900000\t200\t500000\n"
    phase = Phase("ours", begin=1.0, end=2.0)

    outcome = read(summary, log, phase, epoch=1.0)
    refused = read(summary.replace("(800)", "(0)"), log, phase, epoch=1.0)

    assert outcome.took == [0.2, 0.1]
    assert outcome.failures == {}
    assert refused.failures == {"refused": 1}


def test_a_real_run_measures_tokens_and_keys_and_needs_no_stores(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.json"
    only = [part for row in ("T1", "T2", "T3", "T4") for part in ("--only", row)]

    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "benchmarks", "--quick", *only, "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUNDED,
        check=False,
    )

    written = json.loads(output.read_text())
    verifying, signing, loading, checking = written["rows"]
    assert [row["id"] for row in written["rows"]] == ["T1", "T2", "T3", "T4"]
    for row, lines in ((verifying, 2 * len(ALGORITHMS)), (signing, len(ALGORITHMS))):
        assert len(row["lines"]) == len(row["details"]["ratios"]) == lines
        for ratios in row["details"]["ratios"].values():
            assert 0 < ratios["lowest"] <= ratios["median"] <= ratios["highest"]
    for figures in loading["details"].values():
        assert 0 < figures["ours"]["median"] < 1000 * BOUNDED
    assert checking["details"]["microseconds"].keys() == {"certificate", "key", "service account"}
    for figures in checking["details"]["microseconds"].values():
        assert 0 < figures["lowest"] <= figures["median"] <= figures["highest"]
    assert signing["verdict"] == "no budget"
    # Whether the budgets hold is the benchmark's to say, on whatever machine this runs.
    assert done.returncode == int(any(row["verdict"] == "broken" for row in written["rows"]))
    assert "postgresql" not in written["machine"]


def test_a_real_run_measures_revocations_that_are_final(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.json"

    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "P6", "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * BOUNDED,
        check=False,
    )

    (row,) = json.loads(output.read_text())["rows"]
    took = row["details"]["milliseconds"]
    assert len(took) == row["details"]["effective_everywhere"] == 60
    assert took == sorted(took)
    assert took[0] > 0
    # Whether the budget holds is the benchmark's to say, on whatever machine this runs.
    assert row["verdict"] in {"met", "broken"}
    assert done.returncode == int(row["verdict"] == "broken"), done.stderr


def test_a_real_run_measures_a_large_view_against_none(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.json"

    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "P8", "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * BOUNDED,
        check=False,
    )

    (row,) = json.loads(output.read_text())["rows"]
    assert set(row["details"]["sides"]) == {"ours", "bare"}
    assert row["details"]["bytes"] > 50
    assert done.returncode == int(row["verdict"] != "met")


def test_a_real_run_measures_the_start_and_writes_what_it_found(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.json"

    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "P10", "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUNDED,
        check=False,
    )

    written = json.loads(output.read_text())
    rows = written["rows"]
    assert [row["lines"][0]["what"].split(":")[0] for row in rows] == ["serve", "dev"]
    for row in rows:
        seconds = row["details"]["seconds"]
        assert 0 < seconds["lowest"] <= seconds["median"] <= seconds["highest"] < BOUNDED
        assert row["lines"][0]["what"] in done.stdout
    # Whether the budget holds is the benchmark's to say, on whatever machine this runs.
    assert done.returncode == int(any(row["verdict"] == "broken" for row in rows))
    assert written["machine"]["cores"] >= 1
    assert not {"node", "host", "path"} & written["machine"].keys()
