"""What becomes of the encoder's priming where the container cannot tell the decoder to skip it.

MDCT codecs start with a frame or two of priming. Ogg, MP4 and the Xing header of an MP3 file say how much; ADTS
has no field for it, and a streamed MP3 only half of one (``info_frame``). See docs/adr/0003-encoders.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

# -48 dBFS. Without its priming the first codec frame decodes faded in and folded back on itself. Kokoro starts
# every utterance with 0.2 s of near silence (below -70 dBFS), where that cannot be heard.
_QUIET_PEAK = 1 << 7

# An MP3 decoder's own delay in samples, which LAME's tag does not count.
_MP3_DECODER_DELAY = 529

_INFO_HAS_BYTES = 0x2  # flag of the Xing header
_CONSTANT_BIT_RATE = b"\x01"  # VBR method in LAME's tag


class LeadIn:
    """Listens to the audio under the priming and leaves the priming packets out where it is quiet.

    The decoded audio then starts where the input did, in every decoder. Audio that starts at once would lose
    its onset, so it keeps the priming, and starts late in decoders that are not told.
    """

    def __init__(self, num_samples: int, *, has_info_frame: bool) -> None:
        """``num_samples``: the length of the priming. ``has_info_frame``: MP3, which can announce it."""
        self._num_unheard = num_samples
        self._peak = 0
        self._info_frame_due = has_info_frame

    def hear(self, pcm: NDArray[np.int16]) -> None:
        """Take in pcm (shape (n,)) before it is encoded: the codec's look-ahead makes the verdict timely."""
        head = pcm[: self._num_unheard]
        if head.size:
            self._num_unheard -= head.size
            self._peak = max(self._peak, int(head.max()), -int(head.min()))

    def admit(self, packet: av.Packet[Any]) -> Iterator[av.Packet[Any]]:
        """What to send for ``packet``: itself, nothing (priming under quiet), or an info frame and itself."""
        if packet.pts is not None and packet.pts < 0:
            if self._peak <= _QUIET_PEAK:
                return
            if self._info_frame_due:
                self._info_frame_due = False
                yield _announcement(packet, delay=-packet.pts)
        yield packet


def _announcement(first: av.Packet[Any], delay: int) -> av.Packet[Any]:
    packet = av.Packet(info_frame(bytes(first), delay))
    packet.stream, packet.time_base, packet.is_keyframe = first.stream, first.time_base, True
    packet.pts = packet.dts = -delay - (first.duration or 0)
    packet.duration = first.duration
    return packet


def info_frame(first_frame: bytes, delay: int) -> bytes:
    """An MP3 frame of silence with a LAME tag which says that ``delay`` decoded samples precede the audio.

    ``first_frame``: the stream's first frame (mono, constant bit rate, no CRC), whose header and size it shares.
    A stream does not know its number of frames, so that field is left out; the number of bytes is there and says
    0xFFFFFFFF, as in a streamed wav, because libavformat only believes a tag that states one of the two.
    libavformat and miniaudio then start exactly; mpg123 (and with it libsndfile) wants the number of frames too.

    Source: "Mp3 Info Tag", gabriel.mp3-tech.org/mp3infotag.html; libavformat/mp3dec.c, mp3_parse_info_tag.
    """
    header = first_frame[:4]
    is_mpeg1 = header[1] & 0x08
    side_information = bytes(17 if is_mpeg1 else 9)
    num_bytes = _INFO_HAS_BYTES.to_bytes(4, "big") + b"\xff\xff\xff\xff"
    delay_and_padding = ((delay - _MP3_DECODER_DELAY) << 12).to_bytes(3, "big")
    lame_tag = b"LAME3.100" + _CONSTANT_BIT_RATE + bytes(11) + delay_and_padding + bytes(12)
    frame = header + side_information + b"Info" + num_bytes + lame_tag
    return frame.ljust(len(first_frame), b"\0")
