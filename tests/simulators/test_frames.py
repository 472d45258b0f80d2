"""The simulated images."""

import numpy as np
import pytest

from beamsim.frames import PEAK_POSITION, VARIANTS, FrameBank, FrameShape, beam_intensity
from beamsim.pixels import PixelType


@pytest.mark.parametrize("pixel", PixelType)
def test_a_frame_has_the_shape_and_type_asked_for(pixel: PixelType):
    frame = FrameBank(FrameShape(40, 30, pixel)).frame(1, intensity=1.0)
    assert frame.shape == (30, 40)
    assert frame.dtype == pixel.dtype


@pytest.mark.parametrize("pixel", PixelType)
def test_the_brightest_frame_does_not_overflow(pixel: PixelType):
    bank = FrameBank(FrameShape(200, 200, pixel))
    centre = bank.frame(1, intensity=1.0)[98:102, 98:102]
    assert 0.3 * pixel.brightest < np.median(centre)
    assert centre.max() < np.iinfo(pixel.dtype).max


def test_the_first_pixel_tells_which_frame_it_is():
    bank = FrameBank(FrameShape(16, 16))
    assert [bank.frame(i, 0.5)[0, 0] for i in range(20)] == [i % VARIANTS for i in range(20)]


def test_a_scan_of_the_first_motor_shows_a_peak():
    bank = FrameBank(FrameShape(64, 64))
    positions = np.linspace(0, 5, 21)
    sums = [int(bank.frame(1, beam_intensity(float(position))).sum()) for position in positions]
    assert positions[int(np.argmax(sums))] == PEAK_POSITION
    assert max(sums) > 5 * sums[0]


def test_frames_are_not_made_anew_while_nothing_changes():
    bank = FrameBank(FrameShape(16, 16))
    assert bank.frame(3, 0.5) is bank.frame(3 + VARIANTS, 0.5)
    assert bank.frame(3, 0.5) is not bank.frame(3, 0.6)


def test_neighbouring_frames_differ_in_their_noise():
    bank = FrameBank(FrameShape(64, 64))
    assert np.mean(bank.frame(1, 1.0) != bank.frame(2, 1.0)) > 0.5
