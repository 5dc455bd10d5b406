#!/usr/bin/env python3
"""What real speech sounds like behind a path that loses packets: PESQ-WB (P.862.2) and PLCMOS of whole sessions.

    cargo build --release -p media --example loss && tests/quality/run.py [--speech DIR] [--seeds N] [--small]

Makes a virtual environment under target/quality with the judges (PyPI: pesq, speechmos). The speech is that of DIR (WAV
files, 16 kHz mono, some seconds each); without it, prompts of the Debian package asterisk-core-sounds-en-g722, which a
person spoke in a studio; without that, espeak-ng. Ends with 1 where a goal is missed. --small runs those with a goal only, on two utterances
and one seed, with SLACK, and ends with 77 where the judges cannot be had. See docs/benchmarks.md.
"""

import argparse
import glob
import json
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WORK = TARGET / "quality"
JUDGES = ["pesq", "speechmos", "onnxruntime", "librosa", "scipy", "soundfile", "G722"]
PACKAGE = "asterisk-core-sounds-en-g722"
PROMPTS = ["demo-congrats", "demo-abouttotry", "vm-options", "demo-moreinfo"]
SENTENCES = [
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well. These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls. The juice of lemons makes fine punch.",
]
RATE = 16_000
SECONDS = 8
# The most kb/s where there is a goal.
MOST = 50
# One seed may be an unlucky one.
SLACK = 0.5
# Kind of loss, percent, scheme, and what is to be reached: a judge and its least figure.
CASES = [
    ("random", 0, "plain", None),
    ("random", 5, "plain", None),
    ("random", 10, "plain", None),
    ("random", 20, "plain", None),
    ("burst", 10, "plain", None),
    ("burst", 20, "plain", None),
    ("random", 5, "red", None),
    ("random", 10, "red", ("pesq", 4.0)),
    ("random", 20, "red", None),
    ("burst", 10, "red", None),
    ("burst", 20, "red", ("pesq", 2.8)),
    ("burst", 30, "red", ("plcmos", 3.6)),
]


def into_the_environment():
    """Runs this script again where the judges are installed."""
    python = WORK / "venv" / "bin" / "python"
    whole = WORK / "venv" / "whole"
    if not whole.exists():
        try:
            venv.create(WORK / "venv", with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *JUDGES], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"the judges cannot be had: {error}")
            sys.exit(77)
        whole.touch()
    if pathlib.Path(sys.prefix) != WORK / "venv":
        os.execv(python, [str(python), __file__, *sys.argv[1:]])


def speech(folder):
    """Name and samples (16 kHz, -1..1) of some utterances, and what they are."""
    import numpy as np
    import soundfile

    if folder:
        files = sorted(glob.glob(f"{folder}/*.wav"))[:5]
        return [(pathlib.Path(file).stem, soundfile.read(file)[0][: RATE * SECONDS]) for file in files], folder
    packages = WORK / "speech"
    packages.mkdir(parents=True, exist_ok=True)
    try:
        if not glob.glob(f"{packages}/*.deb"):
            subprocess.run(["apt-get", "download", PACKAGE], cwd=packages, check=True, capture_output=True)
        subprocess.run(["dpkg", "-x", *glob.glob(f"{packages}/*.deb"), packages], check=True)
        return [(name, prompt(packages, name, np)) for name in PROMPTS], PACKAGE
    except (OSError, subprocess.CalledProcessError):
        made = []
        for number, sentence in enumerate(SENTENCES):
            file = packages / f"{number}.wav"
            subprocess.run(["espeak-ng", "-s", "150", "-w", file, sentence], check=True)
            made.append((str(number), to(soundfile.read(file)[0], 22_050, RATE)))
        return made, "espeak-ng"


def prompt(packages, name, np):
    from G722 import G722

    file = glob.glob(f"{packages}/usr/share/asterisk/sounds/*/{name}.g722")[0]
    samples = G722(RATE, 64_000).decode(pathlib.Path(file).read_bytes())
    return np.array(samples, dtype=np.float64)[: RATE * SECONDS] / 32_768


def to(sound, rate, wanted):
    import math

    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    return resample_poly(sound, wanted // common, rate // common)


def judged(said, name, kind, percent, scheme, seed):
    """Figures of one run: those of the program, and the judges'."""
    import numpy as np
    import soundfile
    from pesq import pesq
    from speechmos import plcmos

    out = WORK / f"{name}-{kind}-{percent}-{scheme}-{seed}.wav"
    program = TARGET / "release" / "examples" / "loss"
    command = [program, WORK / f"{name}.wav", out, kind, str(percent), str(seed), scheme]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    heard = np.clip(to(soundfile.read(out)[0], 48_000, RATE), -1, 1)
    figures = json.loads(run.stdout)
    figures["pesq"] = pesq(RATE, said, heard, "wb")
    figures["plcmos"] = float(plcmos.run(heard, sr=RATE)["plcmos"])
    return figures


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--speech")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--small", action="store_true")
    options = arguments.parse_args()
    into_the_environment()
    import numpy as np
    import soundfile

    utterances, source = speech(options.speech)
    cases, slack = CASES, 0
    if options.small:
        utterances, options.seeds, slack = utterances[:2], 1, SLACK
        cases = [case for case in CASES if case[3]]
    for name, said in utterances:
        soundfile.write(WORK / f"{name}.wav", np.clip(to(said, RATE, 48_000), -1, 1), 48_000, subtype="PCM_16")
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
        if goal and (mean[goal[0]] < goal[1] - slack or mean["kbps"] > MOST):
            print(f"missed: {goal[0]} of {goal[1]} at {MOST} kb/s")
            missed = True
    sys.exit(missed)


if __name__ == "__main__":
    main()
