"""Many homes: `python -m tests.properties.month 100 200` compares the seeds 100 to 199."""

import sys

from tests.properties.month.billed import compared


def main(low: int, high: int) -> None:
    """Prints what differs, seed by seed, and what was compared in all."""
    sums = [0, 0, 0, 0]
    different = 0
    for seed in range(low, high):
        found = compared(seed)
        sums = [a + b for a, b in zip(sums, found.counts, strict=True)]
        different += len(found.differences)
        for text in found.differences:
            print(f"seed {seed}: {text}", flush=True)  # noqa: T201 a command's output
    documents, lines, taxes, records = sums
    print(  # noqa: T201
        f"{high - low} seeds: {documents} documents, {lines} lines, {taxes} tax rows, {records} usage records compared,"
        f" {different} different"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
