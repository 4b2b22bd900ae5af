"""Headers, read by hand: exact in a file, honest about what is unknown in a stream."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from gateway.audio.formats import FORMATS
from tests.audio.listening import SAMPLE_RATE, record, save, stream

NUM_SAMPLES = 31_337
PCM = record(NUM_SAMPLES).pcm


def wav_header(encoded: bytes) -> tuple[int, ...]:
    """(RIFF size, fmt size, PCM tag, channels, sample rate, byte rate, block align, bits, data size)"""
    riff, *numbers = struct.unpack("<4sI8xIHHIIHH4xI", encoded[:44])
    assert (riff, encoded[8:16], encoded[36:40]) == (b"RIFF", b"WAVEfmt ", b"data")
    return tuple(numbers)


def test_wav_file_states_its_sizes(tmp_path: Path) -> None:
    encoded = save(FORMATS["wav"], [PCM], tmp_path)
    num_bytes = 2 * NUM_SAMPLES
    assert wav_header(encoded) == (36 + num_bytes, 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16, num_bytes)
    assert encoded[44:] == PCM.tobytes()


def test_wav_stream_has_a_minimal_header_of_unknown_size() -> None:
    encoded = stream(FORMATS["wav"], [PCM])
    assert wav_header(encoded) == (0xFFFFFFFF, 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16, 0xFFFFFFFF)
    assert encoded[44:] == PCM.tobytes()


def test_pcm_is_bare() -> None:
    assert stream(FORMATS["pcm"], [PCM]) == PCM.tobytes()


def flac_stream_info(encoded: bytes) -> tuple[int, int, bytes]:
    """(sample rate, total samples, MD5 of the pcm), RFC 9639 section 8.2."""
    assert encoded[:4] == b"fLaC"
    assert encoded[4] & 0x7F == 0  # STREAMINFO comes first
    packed = int.from_bytes(encoded[18:26], "big")
    return packed >> 44, packed & (1 << 36) - 1, encoded[26:42]


def test_flac_file_states_its_length_and_checksum(tmp_path: Path) -> None:
    sample_rate, total, checksum = flac_stream_info(save(FORMATS["flac"], [PCM], tmp_path))
    assert (sample_rate, total) == (SAMPLE_RATE, NUM_SAMPLES)
    assert checksum != bytes(16)


def test_flac_stream_says_that_its_length_is_unknown() -> None:
    assert flac_stream_info(stream(FORMATS["flac"], [PCM]))[:2] == (SAMPLE_RATE, 0)


def test_mp3_file_states_frames_delay_and_padding(tmp_path: Path) -> None:
    encoded = save(FORMATS["mp3"], [PCM], tmp_path)
    tag = encoded.index(b"Info")
    flags, num_frames, num_bytes = struct.unpack(">III", encoded[tag + 4 : tag + 16])
    delay_and_padding = int.from_bytes(encoded[tag + 141 : tag + 144], "big")
    assert flags & 0x3 == 0x3
    assert num_bytes == len(encoded)
    assert num_frames * 576 == (delay_and_padding >> 12) + NUM_SAMPLES + (delay_and_padding & 0xFFF)


def test_every_mp3_frame_stands_alone() -> None:
    """Frames at the start are left out, so none may keep part of its bits in the one before (main_data_begin)."""
    encoded = stream(FORMATS["mp3"], [PCM])
    frame_bytes = 72 * 96_000 // SAMPLE_RATE
    frames = [encoded[at : at + frame_bytes] for at in range(0, len(encoded), frame_bytes)]
    assert {frame[:2] for frame in frames} == {b"\xff\xf3"}
    assert {frame[4] for frame in frames} == {0}


def mp4_boxes(encoded: bytes) -> list[tuple[str, bytes]]:
    boxes, at = [], 0
    while at < len(encoded):
        size, kind = struct.unpack(">I4s", encoded[at : at + 8])
        boxes.append((kind.decode(), encoded[at + 8 : at + size]))
        at += size
    return boxes


def test_m4a_file_starts_with_an_index_of_exact_duration(tmp_path: Path) -> None:
    boxes = mp4_boxes(save(FORMATS["m4a"], [PCM], tmp_path))
    kinds = [kind for kind, _ in boxes]
    assert kinds.index("moov") < kinds.index("mdat")
    movie_header = dict(mp4_boxes(dict(boxes)["moov"]))["mvhd"]
    assert struct.unpack(">II", movie_header[12:20]) == (SAMPLE_RATE, NUM_SAMPLES)


def test_m4a_stream_is_fragmented() -> None:
    kinds = [kind for kind, _ in mp4_boxes(stream(FORMATS["m4a"], [PCM]))]
    assert kinds[:4] == ["ftyp", "moov", "moof", "mdat"]
    assert kinds.count("moof") >= NUM_SAMPLES // 1024


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "file"])
def test_opus_granule_position_is_exact(streamed: bool, tmp_path: Path) -> None:
    opus = FORMATS["opus"]
    encoded = stream(opus, [PCM]) if streamed else save(opus, [PCM], tmp_path)
    head = encoded.index(b"OpusHead")
    (pre_skip,) = struct.unpack("<H", encoded[head + 10 : head + 12])
    last_page = encoded[encoded.rindex(b"OggS") :]
    flags, granule = struct.unpack("<5xBq", last_page[:14])
    assert flags & 0x4  # end of stream
    assert granule - pre_skip == 2 * NUM_SAMPLES  # Ogg Opus counts at 48 kHz


def webm_elements(encoded: bytes) -> list[tuple[str, int, bytes]]:
    """(id in hexadecimal, size or -1 for unknown, content) of each element at the top: RFC 8794."""
    elements, at = [], 0
    while at < len(encoded):
        id_length = 9 - encoded[at].bit_length()
        name = encoded[at : at + id_length].hex()
        at += id_length
        size_length = 9 - encoded[at].bit_length()
        size = int.from_bytes(encoded[at : at + size_length], "big") & (1 << 7 * size_length) - 1
        at += size_length
        unknown = size == (1 << 7 * size_length) - 1
        content = encoded[at:] if unknown else encoded[at : at + size]
        elements.append((name, -1 if unknown else size, content))
        at += len(content)
    return elements


EBML, SEGMENT, INFO, DURATION, TRACKS, CLUSTER = "1a45dfa3", "18538067", "1549a966", "4489", "1654ae6b", "1f43b675"


def test_webm_stream_is_open_ended_and_has_a_cluster_for_every_packet() -> None:
    (ebml, _, document), (segment, size, content) = webm_elements(stream(FORMATS["webm"], [PCM]))
    assert (ebml, segment, size) == (EBML, SEGMENT, -1)
    assert b"webm" in document
    names = [name for name, *_ in webm_elements(content)]
    head, clusters = names[: names.index(CLUSTER)], names[names.index(CLUSTER) :]
    assert [name for name in head if name in {INFO, TRACKS}] == [INFO, TRACKS]  # all that MediaSource needs to begin
    assert set(clusters) == {CLUSTER}
    assert names.count(CLUSTER) >= NUM_SAMPLES // 480


def test_webm_file_states_its_size_and_duration(tmp_path: Path) -> None:
    (_, _, _), (segment, size, content) = webm_elements(save(FORMATS["webm"], [PCM], tmp_path))
    assert (segment, size) == (SEGMENT, len(content))
    info = {name: inner for name, _, inner in webm_elements(content)}[INFO]
    duration = {name: inner for name, _, inner in webm_elements(info)}[DURATION]
    (duration_ms,) = struct.unpack(">d", duration)
    assert 0 <= duration_ms - 1000 * NUM_SAMPLES / SAMPLE_RATE <= 27  # in whole packets, and the priming


@pytest.mark.parametrize("name", ["mulaw", "alaw"])
def test_telephone_formats_are_a_byte_for_each_sample_and_nothing_else(name: str, tmp_path: Path) -> None:
    for encoded in (stream(FORMATS[name], [PCM]), save(FORMATS[name], [PCM], tmp_path)):
        assert len(encoded) == -(-NUM_SAMPLES // 3)
        assert encoded[:100] == {"mulaw": b"\xff", "alaw": b"\xd5"}[name] * 100  # G.711's silence
