#!/usr/bin/env python3
"""Beside headless Chromium, in real time: how long sound waits in its jitter buffer and in ours on the same packets, and what
real speech sounds like behind the same loss from us to it, from it to us and between two of its kind.

    cargo build --release -p acceptance --example far && tests/quality/far.py [--speech DIR] [--seeds N] [--seconds N] [--small]

Makes a virtual environment under target/quality with the judges (PyPI: pesq, speechmos). The speech is that of DIR (WAV
files, 16 kHz mono, some seconds each); without it, prompts of the Debian package asterisk-core-sounds-en-g722. Ends with 1
where a goal is missed, and with 77 where browser, judges or speech cannot be had, or the machine was too busy for a browser
to be judged. --seconds is how long waits are measured. --small runs less of it, with SLACK. See docs/benchmarks.md.
"""

import argparse
import json
import subprocess
import sys

from judges import RATE, ROOT, WORK, cannot, heard, into_the_environment, program, say, speech

SECONDS = 8
# Our wait is at most so much of Chromium's.
WAIT = 0.65
# What is made up of all sound, in percent.
MADE_UP = 1.0
CASES = [("random", 10), ("burst", 20), ("burst", 30)]
WAYS = {"to-chromium": "Bellbird to Chromium", "from-chromium": "Chromium to Bellbird", "chromium": "Chromium to Chromium"}
# Between two ends of Chromium without loss it is this good, or the machine was too busy.
CLEAN = 3.8
# So much its jitter buffer never makes up on these networks, in percent, or the machine was too busy.
BUSY = 2.0
# One short run may be an unlucky one: one run of one seed differs from the next by a third of a point.
SLACK = 0.2
# What is to be better than between two of its kind, and in such a run: towards it by a third of the point that it is better by.
BETTER = {"to-chromium": 0.3, "from-chromium": -0.3}
# How far a sound lies from where it is looked for, in seconds.
ROOM = 0.6


def browser():
    """The packages that drive it, unless they are there."""
    folder = ROOT / "tests/interop/browser"
    if (folder / "node_modules/playwright-core").exists():
        return
    try:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        cannot(f"what drives the browser cannot be had: {error}")


def far(*arguments):
    run = subprocess.run([program("far", "acceptance"), *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    if run.returncode == 77:
        cannot("there is no browser, or no node to drive it")
    if run.returncode:
        sys.exit(run.returncode)
    return [json.loads(line) for line in run.stdout.splitlines()]


def place(piece, sound):
    """Where in the sound the piece lies best, in samples."""
    import numpy as np
    from scipy.signal import correlate

    return int(np.argmax(correlate(sound, piece, "valid")))


def judged(utterances, file, rounds):
    """PESQ-WB and PLCMOS of the utterances of the last round; in those before the ends learn the path."""
    import numpy as np
    from pesq import PesqError, pesq
    from speechmos import plcmos

    sound = heard(file)
    whole = np.concatenate([said for _, said in utterances])
    length, room = len(utterances[0][1]), int(ROOM * RATE)
    begin = place(whole, sound[: len(whole) + 3 * RATE])
    scores = []
    for number in range((rounds - 1) * len(utterances), rounds * len(utterances)):
        said = utterances[number % len(utterances)][1]
        at = max(0, begin + number * length - room)
        at += place(said, sound[at : at + length + 2 * room])
        piece = sound[at : at + length]
        score = pesq(RATE, said, piece, "wb", on_error=PesqError.RETURN_VALUES)
        scores.append((max(score, 1.0), float(plcmos.run(piece, sr=RATE)["plcmos"])))
    return np.mean(scores, axis=0)


def busy(why, missed):
    """Ends; what was missed before counts all the same."""
    for what in missed:
        print(f"missed: {what}")
    print(f"this machine is too busy: {why}", flush=True)
    sys.exit(1 if missed else 77)


def delays(voice, seconds, slack, missed):
    """The table of waits."""
    print("| network | Chromium, ms | made up | stretched | ours, ms | made up | stretched | ours / Chromium |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for row in far("delay", voice, seconds, 1):
        theirs, ours = row["chromium"], row["ours"]
        if theirs["concealed_pct"] > BUSY or theirs["packets"] < 0.9 * 50 * seconds:
            busy(f"the {row['network']} was not what it should be", missed)
        if not ours:
            missed.append(f"a whole stream: {row['network']}")
            continue
        ratio = ours["wait_ms"] / theirs["wait_ms"]
        cells = (f"{end['wait_ms']:.1f} | {end['concealed_pct']:.2f} % | {end['stretched_pct']:.2f} %" for end in (theirs, ours))
        print(f"| {row['network']} | {' | '.join(cells)} | {ratio:.2f} |", flush=True)
        if ratio > WAIT + slack:
            missed.append(f"{WAIT} of Chromium's wait: {row['network']}")
        if ours["concealed_pct"] > MADE_UP + 3 * slack:
            missed.append(f"{MADE_UP} % made up: {row['network']}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--speech")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=300)
    arguments.add_argument("--small", action="store_true")
    options = arguments.parse_args()
    into_the_environment()
    browser()
    utterances, source = speech(options.speech)
    utterances = [(name, said[: RATE * SECONDS]) for name, said in utterances]
    cases, slack = [("random", 0), *CASES], 0
    if options.small:
        utterances, cases, slack = utterances[:2], [cases[0], cases[2]], SLACK
        options.seeds, options.seconds = 1, 10
    import numpy as np

    voice = WORK / "far-voice.wav"
    say(np.concatenate([said for _, said in utterances]), voice)
    missed = []
    print(f"{len(utterances)} utterances of {source}, {options.seeds} seeds\n")
    print("| loss | way | lost | kb/s | PESQ-WB | PLCMOS |\n|---|---|---:|---:|---:|---:|", flush=True)
    for kind, percent in cases:
        scores = {way: [] for way in WAYS}
        for seed in range(1, 1 + (options.seeds if percent else 1)):
            rounds = 2 if percent else 1
            out = WORK / f"far-{kind}-{percent}-{seed}"
            [figures] = far("loss", voice, out, kind, percent, seed, rounds * SECONDS * len(utterances) + 2)
            for way in WAYS:
                judges = judged(utterances, f"{out}-{way}.wav", rounds)
                scores[way].append([figures[way]["lost_pct"], figures[way]["kbps"], *judges])
        scores = {way: np.mean(rows, axis=0) for way, rows in scores.items()}
        for way, name in WAYS.items():
            lost, kbps, pesq, plcmos = scores[way]
            print(f"| {percent} % {kind} | {name} | {lost:.1f} % | {kbps:.1f} | {pesq:.2f} | {plcmos:.2f} |", flush=True)
        peer = scores["chromium"][2:]
        if percent == 0 and peer[0] < CLEAN:
            busy(f"PESQ from Chromium to Chromium is {peer[0]:.2f} without loss", missed)
        for way, better in BETTER.items():
            if percent and not all(scores[way][2:] > peer + (better if options.small else 0)):
                missed.append(f"better than Chromium to Chromium: {WAYS[way]} at {percent} % {kind}")
    print()
    delays(voice, options.seconds, slack, missed)
    for what in missed:
        print(f"missed: {what}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
