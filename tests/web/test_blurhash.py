"""The script's BlurHash against the decoder of the library that the hashes come from."""

import json
import subprocess
import warnings

import blurhash
import pytest

from tests import samples
from tests.programs import node
from tests.test_house import APP

SCRIPT = """
import {{ decode }} from "{module}";
console.log(JSON.stringify({texts}.map((text) => decode(text, 16, 12) && [...decode(text, 16, 12)])));
"""


def decoded(*texts):
    """Return what the script makes of texts: the values of 16 x 12 pixels, or None."""
    script = SCRIPT.format(module=(APP / "static" / "blurhash.js").as_uri(), texts=json.dumps(texts))
    run = [node(), "--input-type=module", "--eval", script]
    return json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def encode(across, down):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the encoder's own
        return blurhash.encode(samples.picture().copy(), across, down)  # it closes what it is given


def test_the_pixels_are_those_of_the_encoders_own_decoder():
    texts = [encode(*waves) for waves in ((4, 3), (3, 4), (1, 1), (9, 9))]

    for text, values in zip(texts, decoded(*texts), strict=True):
        image = blurhash.decode(text, 16, 12).convert("RGBA")
        expected = [value for pixel in image.get_flattened_data() for value in pixel]
        assert max(abs(one - other) for one, other in zip(values, expected, strict=True)) <= 1


@pytest.mark.parametrize("text", ["", "L", "no hash", "LEHV6nWB2yk8pyo0adR*.7kCMdn", "LEHV6nWB2yk8pyo0adR*.7kCMdné"])
def test_what_is_no_hash_has_no_pixels(text):
    assert decoded(text) == [None]
