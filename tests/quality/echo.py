#!/usr/bin/env python3
"""What is left of echo and noise: AECMOS and DNSMOS of real speech in rooms of a seed, beside AEC3 as it comes.

    cargo build --release -p media --example echo && tests/quality/echo.py [--speech DIR] [--full]

Makes a virtual environment under target/quality with the judges (PyPI: speechmos). The speech is that of DIR (WAV files,
16 kHz mono, eight seconds or more each); without it, prompts of the Debian package asterisk-core-sounds-en-g722, which a
person spoke in a studio. Without --full it is one room and two pairs of voices. Ends with 1 where a floor is missed, and with
77 where judges or speech cannot be had. See docs/benchmarks.md.
"""

import argparse
import subprocess
import sys

from judges import RATE, WORK, heard, into_the_environment, program, say, speech

SECONDS = 12
NOISE = -45
# Somebody far from the microphone, as people talk, and somebody too near to it, dBFS.
SPOKEN = (-46, -26, -14)
# From this second on it is measured how much of the echo is gone; the judges hear all of it.
LEARNED = 4
# Below this there is no echo to speak of, dBFS.
QUIET = -50


def pieces(folder):
    """Pieces of speech of one length, as loud as people talk: -26 dBFS (ITU-T P.56)."""
    import numpy as np

    utterances, source = speech(folder)
    whole = np.concatenate([said for _, said in utterances])
    whole = whole / np.sqrt(np.mean(whole**2)) * 10 ** (-26 / 20)
    cut = whole[: len(whole) // (RATE * SECONDS) * RATE * SECONDS].reshape(-1, RATE * SECONDS)
    return list(np.clip(cut, -1, 1)), source


def made(seed, far, near, noise):
    """Everything that the example makes of it, at 16 kHz, by name; and what it cost, in percent of a core."""
    import numpy as np

    out = WORK / "echo"
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for name, sound in (("said-far", far), ("said-near", near)):
        files.append("-" if sound is None else str(out / f"{name}.wav"))
        if sound is not None:
            say(sound, files[-1])
    run = subprocess.run([program("echo"), str(seed), *files, str(noise), out], check=True, capture_output=True, text=True)
    costs = {name: float(cost) for name, cost in (line.split() for line in run.stdout.splitlines())}
    sounds = {}
    for name in ["far", "mic", "plain", *costs]:
        sounds[name] = heard(out / f"{name}.wav").astype(np.float32)
    return sounds, costs


def energy(sound):
    import numpy as np

    return 10 * np.log10(np.mean(sound[LEARNED * RATE :].astype(np.float64) ** 2) + 1e-12)


def worst(sounds, way):
    """How much of the echo is gone in the half second in which least is, of those in which there is any."""
    import numpy as np

    half = RATE // 2
    count = min(len(sounds["mic"]), len(sounds[way])) // half
    level = lambda sound: 10 * np.log10(np.mean(sound[: count * half].astype(np.float64).reshape(count, half) ** 2, axis=1) + 1e-12)
    heard, left = level(sounds["mic"])[2 * LEARNED :], level(sounds[way])[2 * LEARNED :]
    return float(np.min((heard - left)[heard > QUIET]))


def mean(rows):
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def of_echo(cases, kind, mark):
    """A table of one kind of talk; the mean scores by way of processing."""
    from speechmos import aecmos

    ways = {"mic": "unprocessed", "plain": "AEC3 as it comes", "echo": "Bellbird", "echo-medium": "Bellbird, noise medium"}
    scores = {way: [] for way in ways}
    for sounds, _ in cases:
        for way in ways:
            length = min(len(sounds["far"]), len(sounds["mic"]), len(sounds[way]))
            sample = {"lpb": sounds["far"][:length], "mic": sounds["mic"][:length], "enh": sounds[way][:length]}
            said = aecmos.run(sample, sr=RATE, talk_type=mark)
            gone = energy(sounds["mic"]) - energy(sounds[way])
            scores[way].append({"echo": said["echo_mos"], "degradation": said["deg_mos"], "gone": gone, "half": worst(sounds, way)})
    means = {way: mean(rows) | {"half": min(row["half"] for row in rows)} for way, rows in scores.items()}
    for way, name in ways.items():
        row = means[way]
        gone = f"{row['gone']:.1f}, {row['half']:.1f}" if kind == "far end only" else "-"
        print(f"| {kind} | {name} | {row['echo']:.2f} | {row['degradation']:.2f} | {gone} |", flush=True)
    return means


def of_noise(cases):
    from speechmos import dnsmos

    means = {}
    for way in ["mic", "low", "medium", "high", "strong"]:
        rows = []
        for sounds, _ in cases:
            said = dnsmos.run(sounds[way][RATE:], sr=RATE)
            rows.append({key: said[f"{key}_mos"] for key in ("ovrl", "sig", "bak", "p808")})
        means[way] = mean(rows)
        name = "unprocessed" if way == "mic" else way
        row = means[way]
        print(f"| {name} | {row['ovrl']:.2f} | {row['sig']:.2f} | {row['bak']:.2f} | {row['p808']:.2f} |", flush=True)
    return means


def of_level(pairs):
    """How loud a voice is heard that speaks softly, as usual and loudly, after the automatic level has had its time."""
    import numpy as np

    means = {}
    for spoken in SPOKEN:
        rows = []
        for _, near in pairs:
            said = np.clip(near * 10 ** ((spoken - SPOKEN[1]) / 20), -1, 1)
            sounds, _ = made(1, None, said, "-")
            clipped = np.mean(np.abs(sounds["level"]) > 0.999) - np.mean(np.abs(sounds["mic"]) > 0.999)
            rows.append({"mic": energy(sounds["mic"]), "level": energy(sounds["level"]), "clipped": 100 * max(clipped, 0)})
        means[spoken] = mean(rows)
        row = means[spoken]
        print(f"| {row['mic']:.1f} | {row['level']:.1f} | {row['clipped']:.3f} |", flush=True)
    return means


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--speech")
    arguments.add_argument("--full", action="store_true")
    options = arguments.parse_args()
    into_the_environment()

    said, source = pieces(options.speech)
    rooms = range(1, 9) if options.full else range(1, 2)
    pairs = list(zip(said, said[1:] + said[:1]))[: None if options.full else 2]
    print(f"{len(pairs)} pairs of {SECONDS} s of {source}, rooms {list(rooms)}\n")
    print("| talk | processed by | AECMOS echo | degradation | echo gone, and in the worst half second, dB |\n|---|---|---:|---:|---:|", flush=True)
    missed, costs = [], []

    def floor(what, is_so):
        if not is_so:
            missed.append(what)

    cases = [made(room, far, None, "-") for room in rooms for far, _ in pairs]
    costs += [case[1] for case in cases]
    far = of_echo(cases, "far end only", "st")
    floor("AECMOS echo of AEC3, far end only", far["echo"]["echo"] >= far["plain"]["echo"] - 0.02)
    floor("AECMOS echo 4.0, far end only", far["echo"]["echo"] >= 4.0)
    floor("25 dB of echo gone", far["echo"]["gone"] >= 25)
    floor("20 dB of echo gone in every half second of every voice and room", far["echo"]["half"] >= 20)
    cases = [made(room, far, near, "-") for room in rooms for far, near in pairs]
    both = of_echo(cases, "both", "dt")
    floor("AECMOS echo of AEC3, both", both["echo"]["echo"] >= both["plain"]["echo"] - 0.02)
    floor("AECMOS degradation of AEC3 and 0.8, both", both["echo"]["degradation"] >= both["plain"]["degradation"] + 0.8)
    cases = [made(room, None, near, "-") for room in rooms[:1] for _, near in pairs]
    near = of_echo(cases, "near end only", "nst")
    floor("who talks alone is harmed", near["echo"]["degradation"] >= near["mic"]["degradation"] - 0.15)

    print(f"\n| noise of {NOISE} dBFS | DNSMOS OVRL | SIG | BAK | P.808 |\n|---|---:|---:|---:|---:|", flush=True)
    cases = [made(room, None, near, NOISE) for room in rooms[:1] for _, near in pairs]
    noise = of_noise(cases)
    for less, more in [("mic", "low"), ("low", "medium"), ("medium", "high")]:
        floor(f"BAK: {more} after {less}", noise[more]["bak"] > noise[less]["bak"])
    floor("OVRL: strong after unprocessed", noise["strong"]["ovrl"] > noise["mic"]["ovrl"] + 0.2)
    floor("SIG: strong harms the speech", noise["strong"]["sig"] > noise["mic"]["sig"] - 0.3)

    print("\n| heard, dBFS | after the automatic level | clipped by it, % |\n|---:|---:|---:|", flush=True)
    level = of_level(pairs)
    floor("who speaks softly is heard", level[SPOKEN[0]]["level"] >= -34)
    floor("who speaks as usual is as loud as that", -30 <= level[SPOKEN[1]]["level"] <= -14)
    floor("who speaks loudly is not louder than the others by much", level[SPOKEN[2]]["level"] <= -10)
    floor("nothing is clipped", all(row["clipped"] < 0.01 for row in level.values()))

    print("\nCost in percent of a core: " + ", ".join(f"{way} {cost:.2f}" for way, cost in mean(costs).items()))
    for what in missed:
        print(f"missed: {what}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
