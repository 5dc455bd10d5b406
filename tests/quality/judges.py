"""What the scripts of this folder share: an environment with the judges, real speech, and the programs that are judged."""

import glob
import math
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WORK = TARGET / "quality"
RATE = 16_000
PIP = ["pesq", "speechmos", "onnxruntime", "librosa", "scipy", "soundfile", "G722"]
# A person spoke them in a studio.
PACKAGE = "asterisk-core-sounds-en-g722"
PROMPTS = ["demo-congrats", "demo-abouttotry", "vm-options", "demo-moreinfo"]


def cannot(why):
    """Ends as a step that could not be made."""
    print(why, flush=True)
    sys.exit(77)


def into_the_environment():
    """Runs this program again where the judges are installed."""
    python = WORK / "venv" / "bin" / "python"
    whole = WORK / "venv" / "whole"
    if not whole.exists():
        try:
            venv.create(WORK / "venv", with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PIP], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            cannot(f"the judges cannot be had: {error}")
        whole.touch()
    if pathlib.Path(sys.prefix) != WORK / "venv":
        os.execv(python, [str(python), *sys.argv])


def speech(folder):
    """Name and samples (16 kHz, -1..1) of some utterances, and what they are: the WAV files of a folder, or the prompts."""
    import soundfile

    if folder:
        files = sorted(glob.glob(f"{folder}/*.wav"))[:5]
        return [(pathlib.Path(file).stem, soundfile.read(file)[0]) for file in files], folder
    packages = WORK / "speech"
    packages.mkdir(parents=True, exist_ok=True)
    try:
        if not glob.glob(f"{packages}/*.deb"):
            subprocess.run(["apt-get", "download", PACKAGE], cwd=packages, check=True, capture_output=True)
        subprocess.run(["dpkg", "-x", *glob.glob(f"{packages}/*.deb"), packages], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        cannot(f"there is no speech: {error}")
    return [(name, prompt(packages, name)) for name in PROMPTS], PACKAGE


def prompt(packages, name):
    import numpy as np
    from G722 import G722

    file = glob.glob(f"{packages}/usr/share/asterisk/sounds/*/{name}.g722")[0]
    samples = G722(RATE, 64_000).decode(pathlib.Path(file).read_bytes())
    return np.array(samples, dtype=np.float64) / 32_768


def to(sound, rate, wanted):
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    return resample_poly(sound, wanted // common, rate // common)


def heard(file):
    """A file of 48 kHz, as the judges want it."""
    import numpy as np
    import soundfile

    return np.clip(to(soundfile.read(file)[0], 48_000, RATE), -1, 1)


def say(sound, file):
    """The other way round."""
    import numpy as np
    import soundfile

    soundfile.write(file, np.clip(to(sound, RATE, 48_000), -1, 1), 48_000, subtype="PCM_16")


def program(name, package="media"):
    """An example of a crate: the release build, else that of the tests."""
    for build in ("release", "debug"):
        path = TARGET / build / "examples" / name
        if path.exists():
            return path
    sys.exit(f"build it first: cargo build --release -p {package} --example {name}")
