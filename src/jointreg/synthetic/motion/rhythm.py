"""Changes over time: slow noise, holding and moving on. All are functions of time.

More frames, or another frame rate, show more of the same: nothing depends on how long the take is.
"""

import numpy as np


def wobble(times: np.ndarray, generator: np.random.Generator, sd: float, width: int) -> np.ndarray:
    """Slow smooth noise of standard deviation `sd`: three sines a column, (N,) -> (N, width)."""
    frequency = generator.uniform(0.08, 0.55, (3, width))
    phase = generator.uniform(0, 2 * np.pi, (3, width))
    waves = np.sin(2 * np.pi * frequency * times[:, None, None] + phase)
    return sd * np.sqrt(2 / 3) * waves.sum(axis=1)


def blend(times: np.ndarray, starts: np.ndarray, held: np.ndarray, change_s: float) -> np.ndarray:
    """Hold row k from starts[k] on, moving there within `change_s`; (N,), (K,), (K, D) -> (N, D)."""
    now = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, len(starts) - 1)
    share = np.clip((times - starts[now]) / change_s, 0, 1)
    share = (share * share * (3 - 2 * share))[:, None]
    before = held[np.maximum(now - 1, 0)]
    return before + share * (held[now] - before)


def up_and_down(
    times: np.ndarray,
    generator: np.random.Generator,
    up_s: tuple[float, float],
    down_s: tuple[float, float],
    change_s: float,
) -> np.ndarray:
    """0 while up, 1 while down, smooth between; holds drawn from the two ranges, (N,) -> (N,)."""
    # A stream of its own: how long the take is must not change what is drawn after this.
    draw = generator.spawn(1)[0]
    down = bool(draw.integers(2))
    levels, starts, moment = [float(down)], [0.0], 0.0
    while moment <= times[-1]:
        moment += draw.uniform(*(down_s if down else up_s))
        down = not down
        levels.append(float(down))
        starts.append(moment)
        moment += change_s
    return blend(times, np.array(starts), np.array(levels)[:, None], change_s)[:, 0]


def uneven(times: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A clock that runs faster and slower by `share`, in turns of about 5 s, (N,) -> (N,)."""
    rate, phase = 2 * np.pi * generator.uniform(0.16, 0.24), generator.uniform(0, 2 * np.pi)
    return times + share * np.sin(rate * times + phase) / rate
