"""Chunks and codecs of the stores, on real ones: bytes a frame, and MB a second written and read.

`python benchmarks/stores.py results/open`. CPU time of one thread, in memory: the file system is another
matter. A line marked with * is what the workflow writes.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BloscShuffle, ZstdCodec
from zarr.storage import MemoryStore

from jointreg import stores

CODECS = {
    "none": None,
    "zstd 0": ZstdCodec(level=0),
    "zstd 1": ZstdCodec(level=1),
    "zstd 9": ZstdCodec(level=9),
    "blosc lz4, shuffled": BloscCodec(cname="lz4", shuffle=BloscShuffle.shuffle),
    "blosc zstd 5, shuffled": BloscCodec(cname="zstd", clevel=5, shuffle=BloscShuffle.shuffle),
}
WRITTEN = "zstd 0"


def cost(values: np.ndarray, chunk: int, codec: object) -> tuple[float, float, float, float]:
    """Bytes a row, MB/s written, MB/s read, and MB/s read when one row is wanted at a time."""
    store = MemoryStore()
    begin = time.process_time()
    array = zarr.create_array(
        store,
        shape=values.shape,
        dtype=values.dtype,
        chunks=(min(chunk, len(values)), *values.shape[1:]),
        compressors=codec,
    )
    array[...] = values
    written = time.process_time()
    array[...]
    read = time.process_time()
    picked = range(0, len(values), 7)
    for row in picked:
        array[row]
    single = time.process_time()
    size = sum(len(buffer) for buffer in store._store_dict.values())
    megabytes = values.nbytes / 1e6
    of_rows = megabytes * len(picked) / len(values)
    times = (written - begin, read - written)
    return (size / len(values), *(megabytes / t for t in times), of_rows / (single - read))


def main() -> None:
    """Measure the bulky arrays of one sequence of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    results = parser.parse_args().results
    kinds = (
        ("crops", stores.FRAMES, "prepare/*/*.zarr.zip", (1, 16, 64)),
        ("masks", stores.MASKS, "segment/*/*.zarr.zip", (1, 64, 256)),
        ("rotations", stores.BODIES, "optimize/full/*/*[!s].zarr.zip", (16, 256)),
    )
    print(
        "| array | rows a chunk | codec | bytes a frame | written, MB/s | read | read a row at a time |"
    )
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    for name, schema, pattern, chunks in kinds:
        path = next(p for p in sorted(results.glob(pattern)) if ".energies" not in p.name)
        values = getattr(schema.read(path, only=[name]), name)
        used = schema.arrays[name].chunk
        tried = [(used, codec) for codec in CODECS] + [(c, WRITTEN) for c in chunks if c != used]
        for chunk, codec in tried:
            mark = "*" if (chunk, codec) == (used, WRITTEN) else ""
            size, *speeds = cost(values, chunk, CODECS[codec])
            shown = " | ".join(f"{speed:.0f}" for speed in speeds)
            print(f"| `{name}` | {chunk} | {codec}{mark} | {size:,.0f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
