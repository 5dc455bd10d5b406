#!/usr/bin/env python3
"""From mouth to ear through the sound server: Bellbird to Bellbird beside JsSIP in Chromium and baresip, in turn.

    cargo build --release -p cli && cargo build --release -p pbx --example server && benches/latency.py [CHIRPS] [--small]

Chirps go into the mouth of the first phone; they are found again by cross-correlation in the ear of the second, in one
recording of both. A B B A: each kind of call is made twice. The goals: at most 0.55 of Chromium with packets of 20 ms (`delay`
`safe`), 0.35 with short ones (`low`). It ends with an error where one is missed; the whole interval has to be within it.
"""
import statistics
import subprocess
import sys
import time
import wave

import lab

lab.with_numpy()
import numpy as np  # noqa: E402

CHIRPS = int(lab.WORDS[0]) if lab.WORDS else 4 if lab.SMALL else 12
SPACING, LENGTH, SETTLE, LONGEST = 1.1, 0.1, 12.0, 0.8
GOALS = {"safe": 0.55, "low": 0.35}
# Fewer chirps that are found again are no measurement.
FOUND = 0.9


def chirp():
    at = np.arange(int(LENGTH * lab.RATE)) / lab.RATE
    return 0.5 * np.sin(2 * np.pi * (400 * at + (3200 - 400) / LENGTH / 2 * at * at)) * np.hanning(len(at))


def voice(seconds):
    """Something for the jitter buffers to settle on, then the chirps."""
    rng = np.random.default_rng(5)
    samples = 0.01 * rng.standard_normal(int((seconds + 1) * lab.RATE))
    one = chirp()
    for n in range(CHIRPS):
        # Not in step with any frame.
        at = int((SETTLE + n * SPACING + rng.uniform(0, 0.06)) * lab.RATE)
        samples[at:at + len(one)] = one
    return samples


def found(sound, one, first, last):
    piece = sound[first:last]
    size = 1 << int(np.ceil(np.log2(len(piece) + len(one))))
    likeness = np.fft.irfft(np.fft.rfft(piece, size) * np.conj(np.fft.rfft(one, size)), size)[:len(piece) - len(one)]
    peak = int(np.argmax(np.abs(likeness)))
    energy = np.sqrt(np.sum(piece[peak:peak + len(one)] ** 2) * np.sum(one ** 2)) + 1e-9
    return first + peak, abs(likeness[peak]) / energy


def delays(tape):
    mouth, ear, one, all_found = tape[:, 0], tape[:, 3], chirp(), []
    at, step = 0, int(SPACING * 0.5 * lab.RATE)
    while at + step + len(one) < len(mouth):
        said, alike = found(mouth, one, at, at + step + len(one))
        if alike < 0.9:
            at += step
            continue
        heard, alike = found(ear, one, said, min(len(ear), said + int(LONGEST * lab.RATE)))
        if alike > 0.6:
            all_found.append((heard - said) * 1000 / lab.RATE)
        at = said + 2 * len(one)
    return all_found


def measured(place, make):
    """One call: the delay of each chirp in ms."""
    phone, ends = make()
    seconds = SETTLE + CHIRPS * SPACING + 0.5
    sound = place.folder / "voice.wav"
    with wave.open(str(sound), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(lab.RATE)
        out.writeframes((voice(seconds) * 32767).astype("<i2").tobytes())
    tape = open(place.folder / "tape", "wb")
    order = ["parec", "--raw", "-d", "room.monitor", "--format=s16le", f"--rate={lab.RATE}", "--channels=4", "--latency-msec=500"]
    order.append("--channel-map=" + ",".join(lab.CHANNELS.values()))
    recorder = place.spawn(*order, stdout=tape)
    place.spawn("paplay", "--device=mouth1", "--latency-msec=500", str(sound)).wait()
    # The figures of the call itself: when the player ends, the server begins to work in other pieces.
    if hasattr(phone, "drain"):
        phone.drain()
    quality = getattr(phone, "last", {}).get("quality")
    time.sleep(1)
    recorder.terminate()
    recorder.wait()
    tape.close()
    for end in ends:
        end()
    samples = np.frombuffer((place.folder / "tape").read_bytes(), "<i2").reshape(-1, 4) / 32768
    return delays(samples), quality


def budget(name, quality, whole):
    """Where the time goes, as far as the phone knows."""
    frame = quality["packetMs"]
    short = frame < 20
    parts = {
        "half a piece of the microphone": 2.5,
        # Packets go out when they are full.
        "half a turn of the media thread": 0.5,
        "a frame": frame,
        "the look-ahead of Opus": 2.5 if short else 6.5,
        "the jitter buffer, at the end": quality["bufferMs"],
        # What is held for lateness at least, and a piece of five; half a piece is taken on the way.
        "what waits in the sound server": 10.0,
    }
    print(f"\n{name}: where {whole:.1f} ms go")
    for part, ms in parts.items():
        print(f"  {part:<34} {ms:6.1f} ms")
    print(f"  {'the rest':<34} {whole - sum(parts.values()):6.1f} ms")


def main():
    place = lab.Lab()
    ways = {
        "safe": lambda: place.bellbirds({"delay": "safe"}),
        "low": lambda: place.bellbirds({"delay": "low"}),
        "chromium": place.chromium,
        "baresip": place.baresip,
    }
    if lab.SMALL:
        del ways["baresip"]
    ways = lab.wanted(ways)
    print(f"before: {lab.machine()}")
    all_delays, qualities = {name: [] for name in ways}, {}
    try:
        for name in lab.turns(ways):
            values, quality = measured(place, ways[name])
            all_delays[name] += values
            qualities[name] = quality
            lost = f" ({CHIRPS - len(values)} of {CHIRPS} not found)" if len(values) < CHIRPS else ""
            print(f"  {name:<10} {' '.join(f'{value:.1f}' for value in values)}{lost}", flush=True)
    finally:
        place.end()
    print(f"after: {lab.machine()}\n")
    for name, values in all_delays.items():
        if values:
            values.sort()
            print(f"{name:<10} {values[0]:7.1f} {statistics.median(values):7.1f} {values[-1]:7.1f} ms (least, median, most of {len(values)})")
    missed = False
    for name, values in all_delays.items():
        if len(values) < FOUND * CHIRPS * lab.turns(ways).count(name):
            print(f"{name}: too few chirps are found again")
            missed = True
    for name, goal in GOALS.items():
        goal *= lab.SLACK
        if all_delays.get(name) and all_delays.get("chromium"):
            middle, low, high = lab.ratio(all_delays[name], all_delays["chromium"])
            missed |= high > goal
            print(f"{name} by chromium: {middle:.2f} ({low:.2f} to {high:.2f}), goal {goal:.2f}: {'missed' if high > goal else 'reached'}")
        if qualities.get(name):
            budget(name, qualities[name], statistics.median(all_delays[name]))
    sys.exit(missed)


if __name__ == "__main__":
    main()
