"""From the start of the process to ready, beside a bare ASGI app's under the same server, in turn: `make bench`."""

from statistics import median

from bench.process import agenkit, bare, free_port, running, spread

_RUNS = 7


def main() -> None:
    ours, theirs = list[float](), list[float]()
    for _ in range(_RUNS):
        port = free_port()
        with running(bare(port), f"http://127.0.0.1:{port}/") as seconds:
            theirs.append(seconds)
        port = free_port()
        with running(agenkit(port), f"http://127.0.0.1:{port}/health/ready") as seconds:
            ours.append(seconds)
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    print(f"start to ready, new data folder: {spread(ours, 's')}")
    print(f"bare ASGI app:                   {spread(theirs, 's')}")
    print(f"ratio, pair by pair:             {ratio:.1f}")


if __name__ == "__main__":
    main()
