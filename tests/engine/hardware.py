"""A program that stands in for an FFmpeg with a hardware encoder, and for how such fail: libx264 plays it."""

from enum import StrEnum
import json
from pathlib import Path
import shutil
import sys

HARDWARE = "h264_vaapi"
FAULT = "the chip does not answer"

_PROGRAM = '''#!{python}
"""FFmpeg with a hardware encoder that is none."""
import json, os, signal, subprocess, sys, time

settings = json.loads({settings!r})
real, name, fault, after = (settings[key] for key in ("real", "name", "fault", "after"))
arguments = sys.argv[1:]
if "-encoders" in arguments:
    print(" V....D libx264\\n V....D " + name)
    sys.exit()
if "-c:v" not in arguments or arguments[arguments.index("-c:v") + 1] != name:
    os.execv(real, [real, *arguments])
start, end = arguments.index("-c:v"), arguments.index("-bsf:v")
before = [one for one in arguments[:start] if not one.startswith("vaapi") and one != "hw"]
before = [one.replace(",hwupload", "") for one in before if not one.endswith("_device")]
after_that = arguments[end:]
if fault == "no keyframes":
    place = after_that.index("-force_key_frames")
    del after_that[place : place + 2]
if fault == "size":
    before[before.index("-vf") + 1] += ",scale=iw/2:ih"
if fault == "colours":
    before[before.index("-vf") + 1] += ",negate"
coding = ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-profile:v", "high"]
coding += ["-threads", "1", "-sc_threshold", "0", "-crf", "20", "-flags:v", "-global_header"]
coding += ["-x264-params", settings["parameters"]]
pipe = subprocess.PIPE
child = subprocess.Popen([real, *before, *coding, *after_that], stdout=pipe)


def take(size):
    data = child.stdout.read(size)
    if len(data) < size:
        sys.exit(child.wait())
    return data


write = sys.stdout.buffer.write
write(take(13))
pictures, held, configuration = 0, b"", b""
while True:
    head = take(11)
    tag = head + take(int.from_bytes(head[1:4]) + 4)
    pictures += head[0] == 9 and tag[12] == 1
    if head[0] == 9 and tag[12] == 0:
        configuration = bytearray(tag)
    if pictures > after:
        if fault == "dies":
            child.kill()
            sys.exit({complaint!r})
        if fault == "hangs":
            signal.pause()
        if fault == "turns":
            # AVCLevelIndication, behind the heads of tag and packet and three bytes.
            configuration[19] ^= 1
            write(configuration)
        if fault == "nonsense":
            tag = b"\\xff" * len(tag)
        if fault == "delays":
            tag, held = held, tag
        if fault == "dear":
            until = time.process_time() + 0.05
            while time.process_time() < until:
                pass
    write(tag)
    sys.stdout.flush()
'''


class Fault(StrEnum):
    """How an encoder fails."""

    NONE = "none"
    DIES = "dies"
    HANGS = "hangs"
    NONSENSE = "nonsense"
    """It writes no FLV any more."""
    DELAYS = "delays"
    """Each picture comes with the next one."""
    NO_KEYFRAMES = "no keyframes"
    """Where they are ordered."""
    TURNS = "turns"
    """It needs another configuration for each picture."""
    COLOURS = "colours"
    """Are others."""
    SIZE = "size"
    """Is another."""
    DEAR = "dear"
    """It takes more processor time than software."""


def stand_in(
    folder: Path,
    fault: Fault = Fault.NONE,
    *,
    after: int = 0,
    name: str = HARDWARE,
    parameters: str = "ref=1:weightp=0",
) -> str:
    """Write the program and return its path; it has the encoder `name`, and software.

    after: how many pictures it codes before it fails. parameters: what libx264 is told.
    """
    settings = {"real": shutil.which("ffmpeg"), "name": name, "fault": fault, "after": after}
    settings["parameters"] = parameters
    path = folder / "ffmpeg"
    path.write_text(_PROGRAM.format(python=sys.executable, settings=json.dumps(settings), complaint=FAULT))
    path.chmod(0o755)
    return str(path)
