"""A sound as something that a browser plays: small, self-contained."""

import base64
import io

import numpy as np

from crosstune.core.extras import require
from crosstune.core.sound import EXTRA, Sound

RATE = 8_000
"""Samples a second on the page: enough to understand speech, 8 KB a second in u-law."""

SECONDS = 15.0
"""Of a sound, at most."""


def sound_address(sound: Sound) -> str:
    """Give a WAV file as a ``data:`` address: 8 kHz, u-law, the first 15 s; louder than full scale is cut.

    Raises:
        MissingExtra: soundfile or soxr is not installed.
    """
    soundfile = require("soundfile", extra=EXTRA, purpose="players of sounds on the page")
    short = Sound(sound.samples[: int(SECONDS * sound.rate)], sound.rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(short.at(RATE), -1.0, 1.0), RATE, subtype="ULAW", format="WAV")
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()
