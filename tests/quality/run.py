#!/usr/bin/env python3
"""What real speech sounds like behind a path that loses packets: PESQ-WB (P.862.2) and PLCMOS of whole sessions.

    cargo build --release -p media --example loss && tests/quality/run.py [--speech DIR] [--seeds N] [--small]

Makes a virtual environment under target/quality with the judges (PyPI: pesq, speechmos). The speech is that of DIR (WAV
files, 16 kHz mono, some seconds each); without it, prompts of the Debian package asterisk-core-sounds-en-g722. Ends with 1
where a goal is missed, and with 77 where judges or speech cannot be had. --small runs the cases with a goal only, on two
utterances and one seed, with SLACK. See docs/benchmarks.md.
"""

import argparse
import json
import subprocess
import sys

from judges import RATE, WORK, heard, into_the_environment, program, say, speech

SECONDS = 8
# The most kb/s where there is a goal.
MOST = 50
# One seed may be an unlucky one.
SLACK = 0.2
# What short packets may take, which are for paths with room.
MOST_SHORT = 75
# Kind of loss, percent, scheme, and what is to be reached: a judge and its least figure. At 30 % the goal is 3.6; what was
# reached is kept.
CASES = [
    ("random", 0, "plain", None),
    ("random", 0, "short", ("pesq", 4.2)),
    ("same", 1, "red", None),
    ("same", 1, "auto", None),
    ("same", 1, "short", None),
    ("same", 3, "red", None),
    ("same", 3, "auto", None),
    ("same", 3, "short", None),
    ("random", 1, "plain", ("pesq", 4.0)),
    ("random", 2, "plain", None),
    ("random", 5, "plain", ("pesq", 3.9)),
    ("random", 10, "plain", None),
    ("random", 20, "plain", None),
    ("burst", 10, "plain", None),
    ("burst", 20, "plain", None),
    ("random", 2, "red", ("pesq", 4.1)),
    ("random", 5, "red", ("pesq", 4.1)),
    ("random", 10, "red", ("pesq", 4.0)),
    ("random", 20, "red", None),
    ("burst", 10, "red", None),
    ("burst", 20, "red", ("pesq", 2.8)),
    ("burst", 20, "dred", ("pesq", 2.8)),
    ("burst", 30, "red", ("plcmos", 3.9)),
    ("burst", 30, "dred", ("plcmos", 4.0)),
]


def judged(said, name, kind, percent, scheme, seed):
    """Figures of one run: those of the program, and the judges'."""
    from pesq import pesq
    from speechmos import plcmos

    out = WORK / f"{name}-{kind}-{percent}-{scheme}-{seed}.wav"
    command = [program("loss"), WORK / f"{name}.wav", out, kind, str(percent), str(seed), scheme]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    sound = heard(out)
    figures = json.loads(run.stdout)
    figures["pesq"] = pesq(RATE, said, sound, "wb")
    figures["plcmos"] = float(plcmos.run(sound, sr=RATE)["plcmos"])
    return figures


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--speech")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--small", action="store_true")
    options = arguments.parse_args()
    into_the_environment()
    utterances, source = speech(options.speech)
    utterances = [(name, said[: RATE * SECONDS]) for name, said in utterances]
    cases, slack = CASES, 0
    if options.small:
        utterances, options.seeds, slack = utterances[:2], 1, SLACK
        cases = [case for case in CASES if case[3]]
    for name, said in utterances:
        say(said, WORK / f"{name}.wav")
    print(f"{len(utterances)} utterances of {source}, {options.seeds} seeds\n")
    print("| loss | scheme | kb/s | buffer ms | concealed % | PESQ-WB | PLCMOS |")
    print("|---|---|---:|---:|---:|---:|---:|", flush=True)
    missed = False
    for kind, percent, scheme, goal in cases:
        seeds = range(1, 1 + (options.seeds if percent else 1))
        all_of = [judged(said, name, kind, percent, scheme, seed) for name, said in utterances for seed in seeds]
        mean = {key: sum(one[key] for one in all_of) / len(all_of) for key in all_of[0]}
        print(
            f"| {percent} % {kind} | {scheme} | {mean['kbps']:.1f} | {mean['buffer_ms']:.0f} | "
            f"{mean['concealed_pct']:.1f} | {mean['pesq']:.2f} | {mean['plcmos']:.2f} |",
            flush=True,
        )
        most = MOST_SHORT if scheme == "short" else MOST
        if goal and (mean[goal[0]] < goal[1] - slack or mean["kbps"] > most):
            print(f"missed: {goal[0]} of {goal[1]} at {most} kb/s")
            missed = True
    sys.exit(missed)


if __name__ == "__main__":
    main()
