"""The H.264 encoders of FFmpeg that we can use: what each wants to be told (pure).

Asked of all of them: a picture out for each picture in, at once and without B pictures; keyframes where they
are ordered; one reference picture; a constant quality, capped by the profile's bit rate, which keeps text
sharp; High profile. What they write of level and colours is set right behind them, whatever they know of it.

Where the options come from: `ffmpeg -h encoder=NAME` of FFmpeg 5.1 for VAAPI, QSV, NVENC and V4L2; its source
(libavcodec/videotoolboxenc.c) for VideoToolbox; that of the port for Rockchip's chips (rkmppenc.h in
github.com/nyanmisaka/ffmpeg-rockchip) for RKMPP. No hardware was at hand; the trial (`trial.py`) decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import itertools
from typing import Final

from ..models import Profile

# Constant quality for text and flat colours; the bit rate is capped by the profile.
_QUALITY: Final = "23"
# Every further thread costs a quarter more for the same pictures; one is fast enough up to this many pixels.
_ONE_THREAD_HEIGHT: Final = 720


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of FFmpeg's, and how it is used."""

    name: str
    """As FFmpeg calls it."""
    options: Callable[[Profile], list[str]]
    """What it is told of a profile, its level and the cap of its bit rate left out in hardware encoders."""
    device: tuple[str, ...] = ()
    """What FFmpeg is told before anything else, so that there is a device."""
    surface: str = "format=nv12"
    """The end of the chain of filters: how it takes pictures."""

    @property
    def is_hardware(self) -> bool:
        """Whether it is something else than the processor that encodes."""
        return self is not SOFTWARE

    def arguments(self, profile: Profile) -> list[str]:
        """Return what FFmpeg is told of the encoder, from its name on."""
        rate, buffer = str(profile.max_bit_rate), str(profile.max_bit_rate // 2)
        command = ["-c:v", self.name, *self.options(profile), "-bf", "0"]
        command += ["-maxrate", rate, "-bufsize", buffer]
        return command + (_corrections(profile) if self.is_hardware else [])


def _corrections(profile: Profile) -> list[str]:
    """Return what makes a stream that declares what ours do, with its parameter sets where FLV wants them.

    Not every hardware encoder knows of levels and colours (ITU-T H.264 tables E-3 to E-5: BT.709 is 1), and
    V4L2 writes its parameter sets before its first keyframe only.
    """
    declared = f"level={profile.level}:video_full_range_flag=0"
    declared += ":colour_primaries=1:transfer_characteristics=1:matrix_coefficients=1"
    # The bit rate is the cap as well: quality decides below it.
    return ["-b:v", str(profile.max_bit_rate), "-bsf:v", f"h264_metadata={declared},extract_extradata"]


def _libx264(profile: Profile) -> list[str]:
    command = ["-preset", "superfast", "-tune", "zerolatency"]
    # What `h264.Repeater` needs: one reference picture, no weights. The rest takes an eighth off the cost of
    # motion, and changes nothing of pictures that stand still.
    command += ["-refs", "1", "-x264-params", "weightp=0:subme=0:partitions=i8x8"]
    command += ["-threads", "1" if profile.height <= _ONE_THREAD_HEIGHT else "2"]
    return [*command, "-profile:v", "high", "-level:v", profile.level, "-crf", _QUALITY, "-sc_threshold", "0"]


def _vaapi(_profile: Profile) -> list[str]:
    # Without a mode it takes the first that the driver has of: quality with a cap (QVBR), quality, constant
    # quantizer. With a depth of one each picture is waited for.
    return ["-profile:v", "high", "-coder", "cabac", "-global_quality", _QUALITY, "-async_depth", "1"]


def _qsv(_profile: Profile) -> list[str]:
    # A quality and a highest rate make QVBR.
    command = ["-preset", "veryfast", "-profile:v", "high", "-global_quality", _QUALITY, "-refs", "1"]
    command += ["-async_depth", "1", "-forced_idr", "1", "-look_ahead", "0"]
    return [*command, "-max_dec_frame_buffering", "1"]


def _nvenc(_profile: Profile) -> list[str]:
    command = ["-preset", "p4", "-tune", "ll", "-profile:v", "high", "-coder", "cabac", "-rc", "vbr"]
    command += ["-cq", _QUALITY, "-forced-idr", "1", "-no-scenecut", "1"]
    return [*command, "-zerolatency", "1", "-delay", "0", "-dpb_size", "1"]


# Without a mode for quality: the whole bit rate, and a floor for the quantizer where that is plenty.
_LOWEST_QUANTIZER: Final = ("-qmin", _QUALITY, "-qmax", "51")


def _v4l2(_profile: Profile) -> list[str]:
    # 100 is High (ITU-T H.264 annex A.2.4); this encoder has no names for profiles.
    return ["-profile:v", "100", *_LOWEST_QUANTIZER]


def _videotoolbox(_profile: Profile) -> list[str]:
    # Told of one reference picture, Apple's chips make a keyframe of every picture.
    command = ["-profile:v", "high", *_LOWEST_QUANTIZER]
    return [*command, "-allow_sw", "0", "-realtime", "1", "-flags", "+low_delay"]


def _rkmpp(_profile: Profile) -> list[str]:
    command = ["-rc_mode", "VBR", "-profile:v", "high", "-coder", "cabac", "-qp_init", _QUALITY]
    return [*command, "-qp_min", _QUALITY, "-qp_min_i", _QUALITY, "-qp_max", "51"]


SOFTWARE: Final = Codec("libx264", _libx264, surface="format=yuv420p")
"""What encodes where nothing else does."""

CODECS: Final = (
    Codec(
        "h264_vaapi",
        _vaapi,
        device=("-init_hw_device", "vaapi=hw", "-filter_hw_device", "hw"),
        surface="format=nv12,hwupload",
    ),
    Codec("h264_qsv", _qsv),
    Codec("h264_nvenc", _nvenc),
    Codec("h264_v4l2m2m", _v4l2, surface="format=yuv420p"),
    Codec("h264_rkmpp", _rkmpp),
    Codec("h264_videotoolbox", _videotoolbox),
    SOFTWARE,
)
"""All, those on a chip first."""

_NAMES: Final = {codec.name: codec for codec in CODECS}


def preferred(working: Sequence[str], chosen: str | None = None) -> tuple[Codec, ...]:
    """Return the encoders to use, the first until it fails and so on.

    working: the names of those that work, in the order of `trial.try_engine`.
    chosen: the name of the one to use before all others; None for what is best.
    """
    names = [name for name in ([chosen] if chosen else working) if name in _NAMES]
    # What is behind software is no better, and software has to be the last.
    before = itertools.takewhile(lambda name: name != SOFTWARE.name, names)
    return (*(_NAMES[name] for name in before), SOFTWARE)
