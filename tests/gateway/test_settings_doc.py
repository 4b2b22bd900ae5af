"""docs/configuration.md says what the settings are, and what became of each of Kokoro-FastAPI's."""

from __future__ import annotations

from cli.settings_doc import NOT_USED, SECTIONS, TARGET, page

KOKORO_FASTAPI = """
API_TITLE API_DESCRIPTION API_VERSION HOST PORT OUTPUT_DIR OUTPUT_DIR_SIZE_LIMIT_MB DEFAULT_VOICE DEFAULT_VOICE_CODE
USE_GPU DEVICE_TYPE ALLOW_LOCAL_VOICE_SAVING MODEL_DIR VOICES_DIR SAMPLE_RATE DEFAULT_VOLUME_MULTIPLIER
TARGET_MIN_TOKENS TARGET_MAX_TOKENS ABSOLUTE_MAX_TOKENS ADVANCED_TEXT_NORMALIZATION VOICE_WEIGHT_NORMALIZATION
GAP_TRIM_MS DYNAMIC_GAP_TRIM_PADDING_MS DYNAMIC_GAP_TRIM_PADDING_CHAR_MULTIPLIER ENABLE_WEB_PLAYER WEB_PLAYER_PATH
CORS_ORIGINS CORS_ENABLED TEMP_FILE_DIR MAX_TEMP_DIR_SIZE_MB MAX_TEMP_DIR_AGE_HOURS MAX_TEMP_DIR_COUNT DOWNLOAD_MODEL
PHONEMIZER_ESPEAK_PATH PHONEMIZER_ESPEAK_DATA ESPEAK_DATA_PATH ONNX_NUM_THREADS ONNX_INTER_OP_THREADS
ONNX_EXECUTION_MODE ONNX_OPTIMIZATION_LEVEL ONNX_MEMORY_PATTERN ONNX_ARENA_EXTEND_STRATEGY ALLOW_DEV_UNLOAD
ENABLE_DEBUG_ENDPOINTS ENABLE_VOICE_TAGS ENABLE_SSML SSML_MAX_DEPTH MODEL_REPO_ID MAX_PAUSE_DURATION_S API_LOG_LEVEL
UVICORN_ROOT_PATH WEB_CONCURRENCY MAX_INPUT_LENGTH MAX_TOTAL_PAUSE_S MODEL_AUTO_UNLOAD_TIMEOUT_SECONDS ENABLE_MIOPEN
MODEL_UNLOAD_STRATEGY
""".split()
"""All that any of its releases reads."""


def test_the_page_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == page(), "run: python -m cli.settings_doc"


def test_every_setting_says_what_it_does() -> None:
    silent = [
        name for _, settings, _ in SECTIONS for name, field in settings.model_fields.items() if not field.description
    ]
    assert silent == []


def test_each_of_kokoro_fastapis_variables_is_honoured_or_accounted_for() -> None:
    ours = {name.upper() for _, settings, _ in SECTIONS for name in settings.model_fields}
    assert [name for name in KOKORO_FASTAPI if name not in ours and name not in NOT_USED] == []
    assert ours & set(NOT_USED) == set()
